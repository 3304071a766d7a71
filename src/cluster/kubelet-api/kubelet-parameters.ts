/** Parameters of the API by the names that the kubelet gives them. @see kubernetes pkg/apis/core/types.go ExecStdinParam */
export const KUBELET_PARAMETERS: Readonly<Record<string, string>> = {
  stdin: 'input',
  stdout: 'output',
  stderr: 'error',
  tty: 'tty',
  ports: 'port',
}
