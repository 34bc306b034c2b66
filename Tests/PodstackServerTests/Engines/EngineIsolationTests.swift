import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("The isolation of pods", .blocking, .needsEngine, .timeLimit(.perTest))
struct EngineIsolationTests {
    let bench: EngineBench
    var engine: any PodEngine { bench.engine }

    init() throws { bench = try EngineBench() }

    // MARK: - The host

    @Test("gives a pod no capability, and no way to gain one")
    func capabilities() throws {
        let podID = try bench.run()
        let status = try bench.shell(podID, "cat /proc/self/status")
        for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            #expect(status.contains("\(name):\t0000000000000000\n"), "\(name)")
        }
        #expect(status.contains("NoNewPrivs:\t1\n"))
        // A filter of system calls.
        #expect(status.contains("Seccomp:\t2\n"))
    }

    @Test(
        "does not let a pod change devices, mounts, namespaces, the kernel or the host",
        arguments: [
            "mknod /tmp/disk b 254 0", "mknod /tmp/memory c 1 1", "mount -t tmpfs none /mnt", "mount -t proc none /mnt",
            "mount -t cgroup none /mnt", "mount -o remount,rw /proc/sys", "unshare -m true", "unshare -U true",
            "unshare -n true",
            "nsenter -t 1 -n true; nsenter -t 1 -m sh -c 'mount -t tmpfs none /mnt'", "chroot /proc/1/root true",
            "echo 1 > /proc/sys/kernel/panic",
            "echo b > /proc/sysrq-trigger", "echo 0 > /sys/class/net/eth0/mtu", "echo x > /sys/kernel/uevent_helper",
            "hostname other", "date -s 2000-01-01; [ $(date +%Y) = 2000 ]", "ip link set eth0 down",
            "ip addr add 10.9.9.9/8 dev eth0",
            "ping -c 1 127.0.0.1",
            "chown 1000 /tmp", "cat /proc/kcore", "dmesg -c", "insmod /tmp/x.ko", "reboot -f; false",
            "swapoff -a; cat /dev/mem",
            "ls /var/run/docker.sock /run/docker.sock", "ls /dev/sda /dev/vda /dev/kmsg /dev/fuse",
            "find /sys/fs/cgroup -name release_agent | xargs -r sh -c 'echo /x > $0'; echo 1 > /sys/fs/cgroup/devices/devices.allow",
            "echo 1 > /proc/1/oom_score_adj; echo -1000 > /proc/self/oom_score_adj", "su user -c true",
        ])
    func escapes(_ line: String) throws {
        let podID = try EnginePod.shared(bench).id
        let result = try bench.exec(podID, "sh", "-c", line)
        #expect(result.code != 0, "\(line): \(result.output)\(result.error)")
    }

    @Test("shows a pod only its own processes, devices, network and host name")
    func view() throws {
        let podID = try bench.run { $0.image = "podstack-test:1" }
        #expect(try bench.shell(podID, "ps -o pid,args | grep -v -e PID -e ps -e sh").split(separator: "\n").count == 1)
        #expect(try bench.shell(podID, "ip -o link | cut -d: -f2 | cut -d@ -f1") == " lo\n eth0\n")
        let devices = Set(try bench.shell(podID, "ls /dev").split(separator: "\n").map { String($0) })
        #expect(
            devices.isSubset(of: [
                "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout",
                "tty",
                "urandom", "zero", "console",
            ]), "\(devices)")
        let mounts = try bench.shell(podID, "cut -d' ' -f2,3 /proc/mounts")
        #expect(!mounts.contains("docker.sock"))
        // Files that the engine itself writes for the network, and nothing else of the host.
        let hosts = try bench.shell(podID, "grep ^/dev/ /proc/mounts | cut -d' ' -f2").split(separator: "\n")
        #expect(Set(hosts).isSubset(of: ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"]), "\(hosts)")
    }

    // MARK: - Networks

    @Test("connects the pods of a project with each other, and not with those of another project")
    func projects() throws {
        let server = "mkdir /tmp/w; echo hello > /tmp/w/index.html; exec httpd -f -h /tmp/w -p 8080"
        let first = try bench.run(server, project: "prj_a\(bench.instance)") { $0.ports = [8080] }
        let friend = try bench.run(project: "prj_a\(bench.instance)")
        let stranger = try bench.run(project: "prj_b\(bench.instance)")
        let address = try bench.shell(first, "ip -o -4 addr show eth0 | sed 's|.*inet \\([0-9.]*\\)/.*|\\1|'").filter {
            $0 != "\n"
        }
        let fetch = "timeout 3 wget -q -O - http://\(address):8080/"
        try blockUntil("the friend's response") { try bench.shell(friend, fetch) == "hello\n" }
        #expect(try bench.exec(stranger, "sh", "-c", fetch).code != 0)
        #expect(try bench.exec(stranger, "sh", "-c", "timeout 3 wget -q -O - http://\(first):8080/").code != 0)
        // Nor through the addresses of the host, where the port is published on loopback only.
        let published = try #require(try engine.observe(first)?.addresses[8080]?.split(separator: ":").last)
        let gateway = try bench.shell(stranger, "ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p'").filter {
            $0 != "\n"
        }
        for host in [gateway, try bench.test.address, try bench.test.node, "127.0.0.1"] {
            #expect(
                try bench.exec(stranger, "sh", "-c", "timeout 3 wget -q -O - http://\(host):\(published)/").code != 0,
                "\(host)")
        }
        #expect(engineFailure { try engine.removeNetwork(projectID: "prj_a\(bench.instance)") }?.kind == .conflict)
        for pod in [first, friend] { try engine.remove(pod) }
        for _ in 0..<2 { try engine.removeNetwork(projectID: "prj_a\(bench.instance)") }
    }

    @Test("creates the network of a project again for a pod that was stopped meanwhile")
    func removedNetwork() throws {
        let specification = bench.specification()
        try bench.run(specification)
        try engine.stop(specification.podID, graceSeconds: 0)
        try engine.removeNetwork(projectID: specification.projectID)
        #expect(engineFailure { try engine.start(specification.podID) }?.kind == .failed)
        for _ in 0..<2 { try bench.run(specification) }
        #expect(try engine.observe(specification.podID)?.state == .running)
        #expect(try bench.shell(specification.podID, "ip -o link | cut -d: -f2 | cut -d@ -f1") == " lo\n eth0\n")
    }

    @Test("publishes a port on the given address only, and on another port after each start")
    func ports() throws {
        let podID = try bench.run("exec httpd -f -h /etc -p 80") { $0.ports = [80] }
        let address = try #require(try engine.observe(podID)?.addresses[80])
        let parts = address.split(separator: ":")
        #expect(parts[0] == "127.0.0.1")
        try blockUntil("a response") {
            try ToolProcess.run("/usr/bin/curl", ["-sf", "http://\(address)/passwd"]).output.hasPrefix("root:")
        }
        #expect(
            try ToolProcess.run("/usr/bin/curl", ["-sf", "-m", "3", "http://\(bench.test.address):\(parts[1])/"]).status
                != 0)
        try engine.stop(podID, graceSeconds: 0)
        #expect(try ToolProcess.run("/usr/bin/curl", ["-sf", "http://\(address)/passwd"]).status != 0)
    }

    @Test("fails to start a pod whose ports cannot be published")
    func takenPorts() throws {
        let elsewhere = bench.specification { specification in
            specification.ports = [80]
            specification.publishAddress = "192.0.2.77"
        }
        try engine.ensure(elsewhere) { _ in }
        let failure = engineFailure { try engine.start(elsewhere.podID) }
        #expect(failure?.kind == .refused)
        #expect(failure?.reason.contains("192.0.2.77") == true)
    }

    @Test("refuses a pod with more memory than the engine has")
    func memory() throws {
        let large = bench.specification { $0.memoryBytes = 65_536 << 30 }
        let failure = engineFailure { try engine.ensure(large) { _ in } }
        #expect(failure?.kind == .refused)
        #expect(failure?.reason.hasPrefix("The pod needs 65536 GiB of memory, and the engine has ") == true)
        #expect(try engine.observe(large.podID) == nil)
    }

    // MARK: - Volumes

    @Test("keeps the files of a volume for later pods, and does not remove a volume in use")
    func volumes() throws {
        let volume = try bench.volume()
        try engine.ensureVolume(volume, instance: bench.instance)
        let writer = try bench.run("echo kept > /data/file") { $0.mounts = [.init(volumeID: volume, path: "/data")] }
        _ = try bench.end(of: writer)
        let failure = engineFailure { try engine.removeVolume(volume) }
        #expect(failure?.kind == .conflict)
        #expect(failure?.reason.contains("in use") == true)
        try engine.remove(writer)
        let reader = try bench.run("cat /data/file") { $0.mounts = [.init(volumeID: volume, path: "/data")] }
        _ = try bench.end(of: reader)
        #expect(try bench.logs(reader) == "kept\n")
        try engine.remove(reader)
        for _ in 0..<2 { try engine.removeVolume(volume) }
    }

    // MARK: - GPUs

    @Test("gives a pod the devices that are assigned to it, and no others")
    func gpus() throws {
        let podID = try bench.run("echo gpus $NVIDIA_VISIBLE_DEVICES") {
            $0.gpus = .init(type: "A100", count: 2, devices: ["1", "3"])
        }
        _ = try bench.end(of: podID)
        #expect(try bench.logs(podID) == "gpus 1,3\n")
        let counted = try bench.run("echo gpus $NVIDIA_VISIBLE_DEVICES") {
            $0.gpus = .init(type: "A100", count: 2, devices: [])
        }
        _ = try bench.end(of: counted)
        #expect(try bench.logs(counted) == "gpus 0,1\n")
        // Where NVIDIA's runtime is the default, an image or a variable could otherwise ask for all of them.
        let none = try bench.run("echo gpus $NVIDIA_VISIBLE_DEVICES") {
            $0.environment = [("NVIDIA_VISIBLE_DEVICES", "all")]
        }
        _ = try bench.end(of: none)
        #expect(try bench.logs(none) == "gpus void\n")
    }

    @Test("refuses to start a pod without a GPU that it asks for")
    func missingGPU() throws {
        let missing = bench.specification { $0.gpus = .init(type: "A100", count: 1, devices: ["7"]) }
        try engine.ensure(missing) { _ in }
        let failure = engineFailure { try engine.start(missing.podID) }
        #expect(failure?.kind == .gpu)
        #expect(failure?.reason.contains("unknown device") == true)
        #expect(try engine.observe(missing.podID)?.state != .running)

        let bare = try EngineBench(try TestEngine(gpus: 0))
        let unsupported = bare.specification { $0.gpus = .init(type: "A100", count: 1, devices: ["0"]) }
        try bare.engine.ensure(unsupported) { _ in }
        #expect(engineFailure { try bare.engine.start(unsupported.podID) }?.kind == .gpu)
        #expect(try bare.engine.observe(unsupported.podID)?.state != .running)
    }

    // MARK: - Requests that the engine refuses

    @Test("refuses a runtime that the engine does not have, and more processors than it has")
    func refusals() throws {
        let runtime = bench.specification { $0.runtime = "runsc" }
        let failure = engineFailure { try engine.ensure(runtime) { _ in } }
        #expect(failure?.kind == .refused)
        #expect(failure?.reason.contains("runsc") == true)
        let wide = bench.specification { $0.cpuMillicores = 4_000_500 }
        let tooMany = engineFailure { try engine.ensure(wide) { _ in } }
        #expect(tooMany?.kind == .refused)
        #expect(tooMany?.reason.contains("4000.5 processors") == true)
        #expect(try engine.observe(instance: bench.instance).isEmpty)
    }
}

/// A pod that several tests of the process use.
struct EnginePod {
    let id: String
    private let bench: EngineBench

    private static let current = Mutex<EnginePod?>(nil)

    static func shared(_ bench: EngineBench) throws -> EnginePod {
        try current.withLock { pod in
            if let pod { return pod }
            // The pod ends with the engine.
            let started = EnginePod(id: try bench.run { $0.maxProcesses = 1000 }, bench: bench)
            pod = started
            return started
        }
    }
}
