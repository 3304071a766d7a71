#!/usr/bin/env bash
# A chart's life with helm.
set -euo pipefail
cd "$(dirname "$0")"
h() { helm --namespace helm-example "$@"; }

h install shop ./shop --create-namespace --wait --timeout 60s
h upgrade shop ./shop --set replicas=2 --wait --timeout 60s
h get values shop
h rollback shop 1 --wait --timeout 60s
h history shop
h uninstall shop --wait
kubectl delete namespace helm-example --timeout=60s
