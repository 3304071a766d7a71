#!/usr/bin/env bash
# Two API servers on one etcd, with the controllers, the scheduler and the nodes apart.
set -euo pipefail
KUBEMU=${KUBEMU:-npx kubemu}
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
free_port() { node -e 'const s=require("net").createServer().listen(0,()=>{console.log(s.address().port);s.close()})'; }

client=$(free_port) peer=$(free_port)
etcd --data-dir "$work/etcd" --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
  --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
  --initial-cluster "default=http://127.0.0.1:$peer" >"$work/etcd.log" 2>&1 &
pids+=($!)

# One after the other: the first makes the certificates that both use.
for n in 1 2; do
  $KUBEMU apiserver --etcd-servers "http://127.0.0.1:$client" --secure-port 0 --cert-dir "$work/pki" \
    --authorization-mode Node,RBAC --kubeconfig "$work/api-$n.conf" >"$work/api-$n.log" &
  pids+=($!)
  [ "$n" = 1 ] && first=$!
  until [ -s "$work/api-$n.conf" ]; do sleep 0.2; done
done
$KUBEMU controller-manager --kubeconfig "$work/api-2.conf" --use-service-account-credentials --secure-port 0 >"$work/controllers.log" &
pids+=($!)
$KUBEMU scheduler --kubeconfig "$work/api-2.conf" --secure-port 0 >"$work/scheduler.log" &
pids+=($!)
$KUBEMU nodes --kubeconfig "$work/api-2.conf" --nodes 2 --port 0 >"$work/nodes.log" &
pids+=($!)

echo '== written through the first, run and read through the second'
kubectl --kubeconfig "$work/api-1.conf" create deployment web --image=nginx --replicas=2
export KUBECONFIG=$work/api-2.conf
kubectl rollout status deployment/web --timeout=60s
kubectl get pods -o wide

echo '== the first is killed'
kill -9 "$first"
kubectl scale deployment/web --replicas=3
kubectl rollout status deployment/web --timeout=60s
