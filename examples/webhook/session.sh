#!/usr/bin/env bash
# An admission webhook from its certificate to its first refusal.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
server=
trap 'kubectl delete mutatingwebhookconfiguration,validatingwebhookconfiguration review --ignore-not-found
      [ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=webhook \
  -addext subjectAltName=IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
node server.mjs "$work/cert.pem" "$work/key.pem" >"$work/port" &
server=$!
until [ -s "$work/port" ]; do sleep 0.1; done

webhook() {
  cat <<YAML
apiVersion: admissionregistration.k8s.io/v1
kind: $1WebhookConfiguration
metadata:
  name: review
webhooks:
  - name: review.example.com
    admissionReviewVersions: [v1]
    sideEffects: None
    clientConfig:
      url: https://127.0.0.1:$(cat "$work/port")/$2
      caBundle: $(base64 <"$work/cert.pem" | tr -d '\n')
    namespaceSelector:
      matchLabels:
        kubernetes.io/metadata.name: webhook-example
    rules:
      - apiGroups: [""]
        apiVersions: [v1]
        operations: [CREATE]
        resources: [pods]
---
YAML
}
{ webhook Mutating mutate; webhook Validating validate; } | kubectl apply -f -

kubectl create namespace webhook-example
kubectl create serviceaccount default -n webhook-example 2>/dev/null || true
kubectl run good --image=nginx:1.27 -n webhook-example
kubectl get pod good -n webhook-example -o jsonpath='{.metadata.labels.reviewed}{"\n"}'
if kubectl run bad --image=nginx:latest -n webhook-example; then
  echo 'the webhook did not refuse it' >&2
  exit 1
fi
kubectl delete namespace webhook-example --timeout=60s
