// A candidate of client-go's LeaderElector that holds the addresses of the laboratory while it leads.
//
// It reads the environment of kube-vip's manifests as far as the election needs it. It is not kube-vip: the order of what it does when it
// starts, leads and stops follows the compatibility reference, sections 4.1 to 4.3, and nothing else of kube-vip is in it.
package main

import (
	"context"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const announceEvery = 3 * time.Second

func seconds(name string) time.Duration {
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	return time.Duration(n) * time.Second
}

func addresses() []net.IP {
	var found []net.IP
	for _, text := range strings.Split(os.Getenv("address"), ",") {
		found = append(found, net.ParseIP(text))
	}
	return found
}

func prefix(address net.IP) string {
	if address.To4() != nil {
		return address.String() + "/32"
	}
	return address.String() + "/128"
}

func run(args ...string) {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		log.Printf("ip %v: %v %s", args, err, out)
	}
}

func remove(device string) {
	for _, address := range addresses() {
		run("address", "delete", prefix(address), "dev", device)
	}
}

// hold adds the addresses, and announces them at each tick only: the first time one tick late, as section 10.1 says of kube-vip.
func hold(ctx context.Context, device string) {
	for _, address := range addresses() {
		run("address", "replace", prefix(address), "dev", device, "preferred_lft", "0", "nodad")
	}
	ticker := time.NewTicker(announceEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for _, address := range addresses() {
				if err := announce(device, address); err != nil {
					log.Printf("announce %v: %v", address, err)
				}
			}
		}
	}
}

// announce sends a gratuitous ARP reply or an unsolicited neighbour advertisement.
func announce(device string, address net.IP) error {
	link, err := net.InterfaceByName(device)
	if err != nil {
		return err
	}
	if v4 := address.To4(); v4 != nil {
		return announce4(link, v4)
	}
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_RAW, syscall.IPPROTO_ICMPV6)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_HOPS, 255); err != nil {
		return err
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_IF, link.Index); err != nil {
		return err
	}
	packet := append([]byte{136, 0, 0, 0, 0x20, 0, 0, 0}, address.To16()...)
	packet = append(append(packet, 2, 1), link.HardwareAddr...)
	to := &syscall.SockaddrInet6{ZoneId: uint32(link.Index)}
	copy(to.Addr[:], net.ParseIP("ff02::1").To16())
	return syscall.Sendto(fd, packet, 0, to)
}

func announce4(link *net.Interface, address net.IP) error {
	const arp = 0x0608
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM, arp)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	packet := []byte{0, 1, 8, 0, 6, 4, 0, 2}
	for range 2 {
		packet = append(append(packet, link.HardwareAddr...), address...)
	}
	to := &syscall.SockaddrLinklayer{Protocol: arp, Ifindex: link.Index, Halen: 6}
	copy(to.Addr[:], []byte{255, 255, 255, 255, 255, 255})
	return syscall.Sendto(fd, packet, 0, to)
}

// stand is one life of the process: kube-vip ends when it has lost, and the kubelet starts it again.
func stand(ctx context.Context, client kubernetes.Interface) {
	device := os.Getenv("vip_interface")
	remove(device)
	name := os.Getenv("vip_leasename")
	if name == "" {
		name = "plndr-cp-lock"
	}
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: name, Namespace: "kube-system"},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: os.Getenv("vip_nodename")},
		},
		ReleaseOnCancel: true,
		LeaseDuration:   seconds("vip_leaseduration"),
		RenewDeadline:   seconds("vip_renewdeadline"),
		RetryPeriod:     seconds("vip_retryperiod"),
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				log.Print("leads")
				hold(ctx, device)
			},
			OnStoppedLeading: func() {
				remove(device)
				log.Print("does not lead")
			},
			OnNewLeader: func(identity string) { log.Printf("leader is %q", identity) },
		},
	})
}

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("k8s_config_file"))
	if err != nil {
		log.Fatal(err)
	}
	config.QPS, config.Burst, config.Timeout = 100, 250, 10*time.Second
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	for ctx.Err() == nil {
		log.Print("stands for election")
		stand(ctx, client)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
