#!/usr/bin/env bash
# A folder of manifests is the truth.
set -euo pipefail
cd "$(dirname "$0")"
k() { kubectl --namespace gitops-example "$@"; }
sync() { kubectl apply --server-side --field-manager=gitops -f manifests "$@"; }

sync
k rollout status deployment/shop --timeout=60s

echo '== nothing to do: no change, no new version'
before=$(k get deployment shop -o jsonpath='{.metadata.generation}')
sync
[ "$before" = "$(k get deployment shop -o jsonpath='{.metadata.generation}')" ]

echo '== somebody scales by hand: drift'
k scale deployment shop --replicas=5
kubectl diff --server-side --field-manager=gitops --force-conflicts -f manifests && exit 1 || [ $? = 1 ]

echo '== the replicas have another owner now: a conflict'
if sync; then
  echo 'no conflict' >&2
  exit 1
fi

echo '== the manifests win'
sync --force-conflicts
k get deployment shop -o jsonpath='{.spec.replicas}{"\n"}'
k get deployment shop --show-managed-fields -o jsonpath='{range .metadata.managedFields[*]}{.manager}{" "}{.operation}{"\n"}{end}'

kubectl delete --ignore-not-found -f manifests --timeout=60s
