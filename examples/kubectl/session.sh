#!/usr/bin/env bash
# A Deployment's life with kubectl.
set -euo pipefail
kubectl create namespace kubectl-example
k() { kubectl --namespace kubectl-example "$@"; }

k create deployment web --image=nginx:1.27 --replicas=3 --port=80
k rollout status deployment/web --timeout=60s
k get pods -o wide
k expose deployment/web

k set image deployment/web nginx=nginx:1.28
k rollout status deployment/web --timeout=60s
k rollout undo deployment/web
k rollout status deployment/web --timeout=60s
k get deployment web -o jsonpath='{.spec.template.spec.containers[0].image}{"\n"}'

k run job --image=busybox --restart=Never -- sh -c 'echo working; exit 0'
k wait --for=jsonpath='{.status.phase}'=Succeeded pod/job --timeout=60s
k logs job
k exec deployment/web -- hostname
k describe deployment web | grep '^Replicas:'

kubectl delete namespace kubectl-example --timeout=60s
