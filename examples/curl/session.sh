#!/usr/bin/env bash
# The Kubernetes API with curl alone.
set -euo pipefail
API=${API:-https://127.0.0.1:6443}
PKI=${PKI:-data/pki}
api() {
  local path=$1
  shift
  curl --silent --show-error --fail-with-body --cacert "$PKI/ca.crt" --cert "$PKI/admin.crt" --key "$PKI/admin.key" "$@" "$API$path"
}

echo '== who am I?'
api /apis/authentication.k8s.io/v1/selfsubjectreviews -H 'Content-Type: application/json' \
  -d '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}' | grep -o '"username": *"[^"]*"'

echo '== create, from YAML'
api /api/v1/namespaces -H 'Content-Type: application/yaml' -d 'metadata: {name: curl-example}' -o /dev/null
api /api/v1/namespaces/curl-example/configmaps -H 'Content-Type: application/yaml' -d '
metadata: {name: settings}
data: {color: blue}' -o /dev/null

echo '== read'
api /api/v1/namespaces/curl-example/configmaps/settings | grep -o '"color": *"[^"]*"'

echo '== what kubectl get prints'
api /api/v1/namespaces/curl-example/configmaps/settings \
  -H 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io' | grep -o '"kind": *"Table"'

echo '== patch'
api /api/v1/namespaces/curl-example/configmaps/settings -X PATCH -H 'Content-Type: application/merge-patch+json' \
  -d '{"data":{"color":"green"}}' | grep -o '"color": *"[^"]*"'

echo '== watch: what there is, then what happens within a second'
api '/api/v1/namespaces/curl-example/configmaps?watch=true&timeoutSeconds=1&fieldSelector=metadata.name=settings' |
  grep -o '"type": *"ADDED"'

echo '== a mistake is answered in words'
curl --silent --cacert "$PKI/ca.crt" --cert "$PKI/admin.crt" --key "$PKI/admin.key" \
  "$API/api/v1/namespaces/curl-example/configmaps" -H 'Content-Type: application/yaml' \
  -d 'metadata: {name: Not_A_Name}' | grep -o '"reason": *"Invalid"'

echo '== delete'
api /api/v1/namespaces/curl-example -X DELETE -o /dev/null
