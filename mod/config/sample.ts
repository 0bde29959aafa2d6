/** Files to start from: a configuration with a fresh secret, and a static Pod that runs it. */

import { assert } from "../base/assert.ts";

/** A secret has 256 bits, as many as the HMAC it keys. */
export const SECRET_BYTES = 32;

/** Where the sample Pod finds its configuration. */
export const SAMPLE_CONFIG_PATH = "/etc/kube-vip/config.yaml";

/** A commented configuration of the first of three members. `random`: {@link SECRET_BYTES} bytes nobody can guess. */
export function sampleConfig(random: Uint8Array): string {
  assert(random.length === SECRET_BYTES, "a secret of 32 bytes");
  const secret = btoa(String.fromCharCode(...random));
  return `# kube-vip: three machines keep one address alive and balance what arrives at it.
# Run on each of them: kube-vip start -c config.yaml
# The files of all members are the same, except that localPeer and remotePeers change places.

localPeer: # this machine
  id: server1
  address: 192.168.0.1
  port: 10000 # UDP
remotePeers: # the other machines; an odd number of members in all
- id: server2
  address: 192.168.0.2
  port: 10000
- id: server3
  address: 192.168.0.3
  port: 10000

# Authenticates what the members say to each other. The same on all of them, made for this file alone: keep it secret.
peerSecret: ${secret}

# The virtual address: an address of no machine. IPv4, IPv6 or a list of several, each with or without /prefix.
vip: 192.168.0.75
# interface: eth0 # without it: the interface whose subnet contains the VIP
gratuitousARP: true # announce the VIP on take-over

# Routers may be told of the VIP too, while it is held here: a host route by BGP to each peer.
# bgp:
#   as: 65000
#   routerID: 192.168.0.1 # without it: the first IPv4 address of this machine
#   peers:
#   - {address: 192.168.0.254, as: 65001} # more: password or passwordFile, multiHop, port, bfdEnabled
#   - "192.168.0.253:65001" # the same as text

singleNode: false # true: no election, hold the VIP at once
startAsLeader: false # true on one member: may lead alone at the very first start
timing: default # how fast a failure is noticed: default, fast (quiet networks), relaxed (long or busy links)

watchConfig: false # true: apply this file whenever it changes; SIGHUP does so in any case

loadBalancers:
- name: Kubernetes Control Plane
  type: tcp # or http, with backends of the form {url: "http://192.168.0.1:8080"}
  port: 6443
  bindToVip: true # listen on the VIP only, while it is held here
  policy: round-robin # or least-connections
  # engine: auto # kernel (nftables, at full speed; also for type udp) where it can do all that is asked for, else user (threads of this program)
  healthCheck: {type: tcp, interval: 2s, timeout: 1s, rise: 2, fall: 3}
  backends:
  - {address: 192.168.0.1, port: 6444}
  - {address: 192.168.0.2, port: 6444}
  - {address: 192.168.0.3, port: 6444}
`;
}

/** A static Pod (for /etc/kubernetes/manifests) that runs {@link SAMPLE_CONFIG_PATH}. `image` has been checked by the caller. */
export function sampleManifest(image: string): string {
  return `apiVersion: v1
kind: Pod
metadata:
  name: kube-vip
  namespace: kube-system
spec:
  hostNetwork: true
  priorityClassName: system-node-critical
  terminationGracePeriodSeconds: 15
  containers:
  - name: kube-vip
    image: ${image}
    imagePullPolicy: IfNotPresent
    args:
    - start
    - -c
    - ${SAMPLE_CONFIG_PATH}
    resources: {}
    securityContext:
      capabilities:
        # A load balancer, or BGP's listenPort, below 1024 needs NET_BIND_SERVICE as well.
        add:
        - NET_ADMIN
        - NET_RAW
        drop:
        - ALL
    volumeMounts:
    - name: config
      mountPath: /etc/kube-vip/
      readOnly: true
    - name: state
      mountPath: /var/lib/kube-vip
  volumes:
  - name: config
    hostPath:
      path: /etc/kube-vip/
  - name: state
    hostPath:
      path: /var/lib/kube-vip
      type: DirectoryOrCreate
`;
}

/** Whether text can stand for an image in a manifest: a reference with an optional tag or digest, nothing YAML would read otherwise. */
export function isImageReference(text: string): boolean {
  return text.length <= 255 &&
    /^[a-z0-9][a-zA-Z0-9._/-]*(:[0-9]+\/[a-zA-Z0-9._/-]+)?(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?$/.test(text);
}
