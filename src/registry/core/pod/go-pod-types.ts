import type { LiteralValue } from '../../../apimachinery/field-error.ts'
import {
  type GoType,
  goBool,
  goInt,
  goLabelSelector,
  goList,
  goMap,
  goObjectMeta,
  goPointer,
  goString,
  goStructValue,
} from '../../../apimachinery/go-struct.ts'
import { givenEmpty } from '../../../apimachinery/schema/given-empty.ts'
import type { PodSpec } from '../../../apimachinery/types/core-v1.ts'

/**
 * Fields of the internal types that messages about pods print whole, in the order of declaration:
 * `GoName:type`, `GoName=jsonName:type` where the JSON name is not the Go name with a small first letter, `+Type` for
 * an embedded struct. Prefixes of a type: `*` pointer, `[]` list, `{}` map.
 *
 * @see kubernetes pkg/apis/core/types.go
 */
const FIELDS: Readonly<Record<string, string>> = {
  AWSElasticBlockStoreVolumeSource: 'VolumeID:string FSType=fsType:string Partition:int ReadOnly:bool',
  Affinity: 'NodeAffinity:*NodeAffinity PodAffinity:*PodAffinity PodAntiAffinity:*PodAntiAffinity',
  AppArmorProfile: 'Type:string LocalhostProfile:*string',
  AzureDiskVolumeSource: `
    DiskName:string DataDiskURI=diskURI:string CachingMode:*string FSType=fsType:*string ReadOnly:*bool
    Kind:*string`,
  AzureFileVolumeSource: 'SecretName:string ShareName:string ReadOnly:bool',
  CSIVolumeSource: `
    Driver:string ReadOnly:*bool FSType=fsType:*string VolumeAttributes:{}string
    NodePublishSecretRef:*LocalObjectReference`,
  Capabilities: 'Add:[]string Drop:[]string',
  CephFSVolumeSource: `
    Monitors:[]string Path:string User:string SecretFile:string SecretRef:*LocalObjectReference
    ReadOnly:bool`,
  CinderVolumeSource: 'VolumeID:string FSType=fsType:string ReadOnly:bool SecretRef:*LocalObjectReference',
  ClusterTrustBundleProjection:
    'Name:*string SignerName:*string LabelSelector:*LabelSelector Optional:*bool Path:string',
  ConfigMapEnvSource: '+LocalObjectReference Optional:*bool',
  ConfigMapKeySelector: '+LocalObjectReference Key:string Optional:*bool',
  ConfigMapProjection: '+LocalObjectReference Items:[]KeyToPath Optional:*bool',
  ConfigMapVolumeSource: '+LocalObjectReference Items:[]KeyToPath DefaultMode:*int Optional:*bool',
  Container: `
    Name:string Image:string Command:[]string Args:[]string WorkingDir:string Ports:[]ContainerPort
    EnvFrom:[]EnvFromSource Env:[]EnvVar Resources:ResourceRequirements
    ResizePolicy:[]ContainerResizePolicy RestartPolicy:*string RestartPolicyRules:[]ContainerRestartRule
    VolumeMounts:[]VolumeMount VolumeDevices:[]VolumeDevice LivenessProbe:*Probe ReadinessProbe:*Probe
    StartupProbe:*Probe Lifecycle:*Lifecycle TerminationMessagePath:string
    TerminationMessagePolicy:string ImagePullPolicy:string SecurityContext:*SecurityContext Stdin:bool
    StdinOnce:bool TTY=tty:bool`,
  ContainerPort: 'Name:string HostPort:int ContainerPort:int Protocol:string HostIP:string',
  ContainerResizePolicy: 'ResourceName:string RestartPolicy:string',
  ContainerRestartRule: 'Action:string ExitCodes:*ContainerRestartRuleOnExitCodes',
  ContainerRestartRuleOnExitCodes: 'Operator:string Values:[]int',
  DownwardAPIProjection: 'Items:[]DownwardAPIVolumeFile',
  DownwardAPIVolumeFile: 'Path:string FieldRef:*ObjectFieldSelector ResourceFieldRef:*ResourceFieldSelector Mode:*int',
  DownwardAPIVolumeSource: 'Items:[]DownwardAPIVolumeFile DefaultMode:*int',
  EmptyDirVolumeSource: 'Medium:string SizeLimit:*Quantity',
  EnvFromSource: 'Prefix:string ConfigMapRef:*ConfigMapEnvSource SecretRef:*SecretEnvSource',
  EnvVar: 'Name:string Value:string ValueFrom:*EnvVarSource',
  EnvVarSource: `
    FieldRef:*ObjectFieldSelector ResourceFieldRef:*ResourceFieldSelector
    ConfigMapKeyRef:*ConfigMapKeySelector SecretKeyRef:*SecretKeySelector FileKeyRef:*FileKeySelector`,
  EphemeralContainer: '+EphemeralContainerCommon TargetContainerName:string',
  EphemeralContainerCommon: `
    Name:string Image:string Command:[]string Args:[]string WorkingDir:string Ports:[]ContainerPort
    EnvFrom:[]EnvFromSource Env:[]EnvVar Resources:ResourceRequirements
    ResizePolicy:[]ContainerResizePolicy RestartPolicy:*string RestartPolicyRules:[]ContainerRestartRule
    VolumeMounts:[]VolumeMount VolumeDevices:[]VolumeDevice LivenessProbe:*Probe ReadinessProbe:*Probe
    StartupProbe:*Probe Lifecycle:*Lifecycle TerminationMessagePath:string
    TerminationMessagePolicy:string ImagePullPolicy:string SecurityContext:*SecurityContext Stdin:bool
    StdinOnce:bool TTY=tty:bool`,
  EphemeralVolumeSource: 'VolumeClaimTemplate:*PersistentVolumeClaimTemplate',
  ExecAction: 'Command:[]string',
  FCVolumeSource: 'TargetWWNs:[]string Lun:*int FSType=fsType:string ReadOnly:bool WWIDs=wwids:[]string',
  FileKeySelector: 'VolumeName:string Path:string Key:string Optional:*bool',
  FlexVolumeSource: 'Driver:string FSType=fsType:string SecretRef:*LocalObjectReference ReadOnly:bool Options:{}string',
  FlockerVolumeSource: 'DatasetName:string DatasetUUID:string',
  GCEPersistentDiskVolumeSource: 'PDName=pdName:string FSType=fsType:string Partition:int ReadOnly:bool',
  GRPCAction: 'Port:int Service:*string',
  GitRepoVolumeSource: 'Repository:string Revision:string Directory:string',
  GlusterfsVolumeSource: 'EndpointsName=endpoints:string Path:string ReadOnly:bool',
  HTTPGetAction: 'Path:string Port:IntOrString Host:string Scheme:string HTTPHeaders=httpHeaders:[]HTTPHeader',
  HTTPHeader: 'Name:string Value:string',
  HostAlias: 'IP=ip:string Hostnames:[]string',
  HostIP: 'IP=ip:string',
  HostPathVolumeSource: 'Path:string Type:*string',
  ISCSIVolumeSource: `
    TargetPortal:string IQN=iqn:string Lun:int ISCSIInterface=iscsiInterface:string FSType=fsType:string
    ReadOnly:bool Portals:[]string DiscoveryCHAPAuth=chapAuthDiscovery:bool
    SessionCHAPAuth=chapAuthSession:bool SecretRef:*LocalObjectReference InitiatorName:*string`,
  ImageVolumeSource: 'Reference:string PullPolicy:string',
  KeyToPath: 'Key:string Path:string Mode:*int',
  Lifecycle: 'PostStart:*LifecycleHandler PreStop:*LifecycleHandler StopSignal:*string',
  LifecycleHandler: `
    Exec:*ExecAction HTTPGet=httpGet:*HTTPGetAction TCPSocket=tcpSocket:*TCPSocketAction
    Sleep:*SleepAction`,
  LocalObjectReference: 'Name:string',
  NFSVolumeSource: 'Server:string Path:string ReadOnly:bool',
  NodeAffinity: `
    RequiredDuringSchedulingIgnoredDuringExecution:*NodeSelector
    PreferredDuringSchedulingIgnoredDuringExecution:[]PreferredSchedulingTerm`,
  NodeSelector: 'NodeSelectorTerms:[]NodeSelectorTerm',
  NodeSelectorRequirement: 'Key:string Operator:string Values:[]string',
  NodeSelectorTerm: 'MatchExpressions:[]NodeSelectorRequirement MatchFields:[]NodeSelectorRequirement',
  ObjectFieldSelector: 'APIVersion=apiVersion:string FieldPath:string',
  PersistentVolumeClaimSpec: `
    AccessModes:[]string Selector:*LabelSelector Resources:VolumeResourceRequirements VolumeName:string
    StorageClassName:*string VolumeMode:*string DataSource:*TypedLocalObjectReference
    DataSourceRef:*TypedObjectReference VolumeAttributesClassName:*string`,
  PersistentVolumeClaimTemplate: '+ObjectMeta Spec:PersistentVolumeClaimSpec',
  PersistentVolumeClaimVolumeSource: 'ClaimName:string ReadOnly:bool',
  PhotonPersistentDiskVolumeSource: 'PdID:string FSType=fsType:string',
  PodAffinity: `
    RequiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
    PreferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm`,
  PodAffinityTerm: `
    LabelSelector:*LabelSelector Namespaces:[]string TopologyKey:string NamespaceSelector:*LabelSelector
    MatchLabelKeys:[]string MismatchLabelKeys:[]string`,
  PodAntiAffinity: `
    RequiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
    PreferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm`,
  PodCertificateProjection: `
    SignerName:string KeyType:string MaxExpirationSeconds:*int CredentialBundlePath:string
    KeyPath:string CertificateChainPath:string UserAnnotations:{}string`,
  PodDNSConfig: 'Nameservers:[]string Searches:[]string Options:[]PodDNSConfigOption',
  PodDNSConfigOption: 'Name:string Value:*string',
  PodIP: 'IP=ip:string',
  PodOS: 'Name:string',
  PodReadinessGate: 'ConditionType:string',
  PodResourceClaim: 'Name:string ResourceClaimName:*string ResourceClaimTemplateName:*string',
  PodSchedulingGate: 'Name:string',
  PodSchedulingGroup: 'PodGroupName:*string',
  PodSecurityContext: `
    HostNetwork:bool HostPID:bool HostIPC:bool ShareProcessNamespace:*bool HostUsers:*bool
    SELinuxOptions=seLinuxOptions:*SELinuxOptions WindowsOptions:*WindowsSecurityContextOptions
    RunAsUser:*int RunAsGroup:*int RunAsNonRoot:*bool SupplementalGroups:[]int
    SupplementalGroupsPolicy:*string FSGroup=fsGroup:*int
    FSGroupChangePolicy=fsGroupChangePolicy:*string Sysctls:[]Sysctl SeccompProfile:*SeccompProfile
    AppArmorProfile:*AppArmorProfile SELinuxChangePolicy=seLinuxChangePolicy:*string`,
  PodSpec: `
    Volumes:[]Volume InitContainers:[]Container Containers:[]Container
    EphemeralContainers:[]EphemeralContainer RestartPolicy:string TerminationGracePeriodSeconds:*int
    ActiveDeadlineSeconds:*int DNSPolicy=dnsPolicy:string NodeSelector:{}string
    ServiceAccountName:string AutomountServiceAccountToken:*bool NodeName:string
    SecurityContext:*PodSecurityContext ImagePullSecrets:[]LocalObjectReference Hostname:string
    Subdomain:string SetHostnameAsFQDN:*bool Affinity:*Affinity SchedulerName:string
    Tolerations:[]Toleration HostAliases:[]HostAlias PriorityClassName:string Priority:*int
    PreemptionPolicy:*string DNSConfig=dnsConfig:*PodDNSConfig ReadinessGates:[]PodReadinessGate
    RuntimeClassName:*string Overhead:{}Quantity EnableServiceLinks:*bool
    TopologySpreadConstraints:[]TopologySpreadConstraint OS=os:*PodOS
    SchedulingGates:[]PodSchedulingGate ResourceClaims:[]PodResourceClaim
    Resources:*ResourceRequirements HostnameOverride:*string SchedulingGroup:*PodSchedulingGroup`,
  PortworxVolumeSource: 'VolumeID:string FSType=fsType:string ReadOnly:bool',
  PreferredSchedulingTerm: 'Weight:int Preference:NodeSelectorTerm',
  Probe: `
    +ProbeHandler InitialDelaySeconds:int TimeoutSeconds:int PeriodSeconds:int SuccessThreshold:int
    FailureThreshold:int TerminationGracePeriodSeconds:*int`,
  ProbeHandler: `
    Exec:*ExecAction HTTPGet=httpGet:*HTTPGetAction TCPSocket=tcpSocket:*TCPSocketAction
    GRPC=grpc:*GRPCAction`,
  ProjectedVolumeSource: 'Sources:[]VolumeProjection DefaultMode:*int',
  QuobyteVolumeSource: 'Registry:string Volume:string ReadOnly:bool User:string Group:string Tenant:string',
  RBDVolumeSource: `
    CephMonitors=monitors:[]string RBDImage=image:string FSType=fsType:string RBDPool=pool:string
    RadosUser=user:string Keyring:string SecretRef:*LocalObjectReference ReadOnly:bool`,
  ResourceClaim: 'Name:string Request:string',
  ResourceFieldSelector: 'ContainerName:string Resource:string Divisor:Quantity',
  ResourceRequirements: 'Limits:{}Quantity Requests:{}Quantity Claims:[]ResourceClaim',
  SELinuxOptions: 'User:string Role:string Type:string Level:string',
  ScaleIOVolumeSource: `
    Gateway:string System:string SecretRef:*LocalObjectReference SSLEnabled=sslEnabled:bool
    ProtectionDomain:string StoragePool:string StorageMode:string VolumeName:string FSType=fsType:string
    ReadOnly:bool`,
  SeccompProfile: 'Type:string LocalhostProfile:*string',
  SecretEnvSource: '+LocalObjectReference Optional:*bool',
  SecretKeySelector: '+LocalObjectReference Key:string Optional:*bool',
  SecretProjection: '+LocalObjectReference Items:[]KeyToPath Optional:*bool',
  SecretVolumeSource: 'SecretName:string Items:[]KeyToPath DefaultMode:*int Optional:*bool',
  SecurityContext: `
    Capabilities:*Capabilities Privileged:*bool SELinuxOptions=seLinuxOptions:*SELinuxOptions
    WindowsOptions:*WindowsSecurityContextOptions RunAsUser:*int RunAsGroup:*int RunAsNonRoot:*bool
    ReadOnlyRootFilesystem:*bool AllowPrivilegeEscalation:*bool ProcMount:*string
    SeccompProfile:*SeccompProfile AppArmorProfile:*AppArmorProfile`,
  ServiceAccountTokenProjection: 'Audience:string ExpirationSeconds:int Path:string',
  SleepAction: 'Seconds:int',
  StorageOSVolumeSource: `
    VolumeName:string VolumeNamespace:string FSType=fsType:string ReadOnly:bool
    SecretRef:*LocalObjectReference`,
  Sysctl: 'Name:string Value:string',
  TCPSocketAction: 'Port:IntOrString Host:string',
  Toleration: 'Key:string Operator:string Value:string Effect:string TolerationSeconds:*int',
  TopologySpreadConstraint: `
    MaxSkew:int TopologyKey:string WhenUnsatisfiable:string LabelSelector:*LabelSelector MinDomains:*int
    NodeAffinityPolicy:*string NodeTaintsPolicy:*string MatchLabelKeys:[]string`,
  TypedLocalObjectReference: 'APIGroup=apiGroup:*string Kind:string Name:string',
  TypedObjectReference: 'APIGroup=apiGroup:*string Kind:string Name:string Namespace:*string',
  Volume: 'Name:string +VolumeSource',
  VolumeDevice: 'Name:string DevicePath:string',
  VolumeMount: `
    Name:string ReadOnly:bool RecursiveReadOnly:*string MountPath:string SubPath:string
    MountPropagation:*string SubPathExpr:string`,
  VolumeProjection: `
    Secret:*SecretProjection DownwardAPI:*DownwardAPIProjection ConfigMap:*ConfigMapProjection
    ServiceAccountToken:*ServiceAccountTokenProjection ClusterTrustBundle:*ClusterTrustBundleProjection
    PodCertificate:*PodCertificateProjection`,
  VolumeResourceRequirements: 'Limits:{}Quantity Requests:{}Quantity',
  VolumeSource: `
    HostPath:*HostPathVolumeSource EmptyDir:*EmptyDirVolumeSource
    GCEPersistentDisk=gcePersistentDisk:*GCEPersistentDiskVolumeSource
    AWSElasticBlockStore=awsElasticBlockStore:*AWSElasticBlockStoreVolumeSource
    GitRepo:*GitRepoVolumeSource Secret:*SecretVolumeSource NFS=nfs:*NFSVolumeSource
    ISCSI=iscsi:*ISCSIVolumeSource Glusterfs:*GlusterfsVolumeSource
    PersistentVolumeClaim:*PersistentVolumeClaimVolumeSource RBD=rbd:*RBDVolumeSource
    Quobyte:*QuobyteVolumeSource FlexVolume:*FlexVolumeSource Cinder:*CinderVolumeSource
    CephFS=cephfs:*CephFSVolumeSource Flocker:*FlockerVolumeSource DownwardAPI:*DownwardAPIVolumeSource
    FC=fc:*FCVolumeSource AzureFile:*AzureFileVolumeSource ConfigMap:*ConfigMapVolumeSource
    VsphereVolume:*VsphereVirtualDiskVolumeSource AzureDisk:*AzureDiskVolumeSource
    PhotonPersistentDisk:*PhotonPersistentDiskVolumeSource Projected:*ProjectedVolumeSource
    PortworxVolume:*PortworxVolumeSource ScaleIO:*ScaleIOVolumeSource
    StorageOS=storageos:*StorageOSVolumeSource CSI=csi:*CSIVolumeSource Ephemeral:*EphemeralVolumeSource
    Image:*ImageVolumeSource`,
  VsphereVirtualDiskVolumeSource:
    'VolumePath:string FSType=fsType:string StoragePolicyName:string StoragePolicyID:string',
  WeightedPodAffinityTerm: 'Weight:int PodAffinityTerm:PodAffinityTerm',
  WindowsSecurityContextOptions: `
    GMSACredentialSpecName=gmsaCredentialSpecName:*string GMSACredentialSpec=gmsaCredentialSpec:*string
    RunAsUserName:*string HostProcess:*bool`,
}

/** Types with JSON tags of their own. */
const TAGGED: Readonly<Record<string, GoType>> = { ObjectMeta: goObjectMeta, LabelSelector: goLabelSelector }

const SCALARS: Readonly<Record<string, GoType>> = {
  string: goString,
  int: goInt,
  bool: goBool,
  Quantity: (v) => v ?? '0',
  IntOrString: (v) => v ?? 0,
}

const compiled = new Map<string, GoType>()

function typeOf(text: string): GoType {
  if (text.startsWith('*')) return goPointer(typeOf(text.slice(1)))
  if (text.startsWith('[]')) return goList(typeOf(text.slice(2)))
  if (text.startsWith('{}')) return goMap(typeOf(text.slice(2)))
  return SCALARS[text] ?? ((v) => structType(text)(v))
}

function structType(name: string): GoType {
  let type = compiled.get(name)
  if (!type) {
    type = TAGGED[name] ?? plainStruct(FIELDS[name]!.trim().split(/\s+/))
    compiled.set(name, type)
  }
  return type
}

type Member = (object: Record<string, unknown>, out: Record<string, unknown>) => void

function plainStruct(fields: readonly string[]): GoType {
  const members: Member[] = fields.map((field) => {
    if (field.startsWith('+')) {
      const embedded = typeOf(field.slice(1))
      const isMeta = field === '+ObjectMeta'
      return (object, out) => void Object.assign(out, embedded(isMeta ? object['metadata'] : object))
    }
    const [names, type] = field.split(':') as [string, string]
    const [goName, given] = names.split('=') as [string, string?]
    const jsonName = given ?? goName[0]!.toLowerCase() + goName.slice(1)
    const print = typeOf(type)
    return (object, out) => {
      out[goName] = print(object[jsonName] ?? givenEmpty(object, jsonName))
    }
  })
  return (v) => {
    const out: Record<string, unknown> = {}
    for (const member of members) member((v ?? {}) as Record<string, unknown>, out)
    return out
  }
}

/** The bad value of an error that prints `value` as the internal Go type of that name. */
export function goPodValue(typeName: string, value: unknown): LiteralValue {
  return goStructValue(typeOf(typeName), value)
}

/** `value` as the internal Go type of that name, as JSON text with one blank of indentation. */
export function prettyGoPodValue(typeName: string, value: unknown): string {
  return JSON.stringify(typeOf(typeName)(value), undefined, 1)
}

/** A pod spec as the internal version has it: host namespaces belong to the security context. */
export function internalPodSpec(spec: PodSpec): unknown {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers, securityContext } = spec
  const context = { ...securityContext, hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers }
  return { ...spec, securityContext: context }
}
