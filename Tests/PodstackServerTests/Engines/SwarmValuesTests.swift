import Testing

@testable import PodstackServer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Values of a swarm's API, from the parts that matter.
enum SwarmValues {
    static func decode<Value: Decodable>(_ type: Value.Type, _ json: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(json.utf8))
    }

    static func node(
        _ id: String, type: String? = "A100", devices: [String] = ["0", "1"], state: String = "ready",
        availability: String = "active", processors: Int = 8, memory: Int = 8000, version: String = "20.10.24",
        hasEngine: Bool = true,
        hasNoNewPrivileges: Bool = true
    ) throws -> SwarmNode {
        let resources = devices.map { #"{"NamedResourceSpec": {"Kind": "gpu", "Value": "\#($0)"}}"# }
        var labels: [String] = []
        if let type { labels.append(#""podstack.gpu": "\#(type)""#) }
        if hasEngine { labels.append(#""podstack.engine": "unix:///\#(id)""#) }
        if hasNoNewPrivileges { labels.append(#""podstack.no-new-privileges": "true""#) }
        return SwarmNode(
            try decode(
                Docker.Node.self,
                """
                {"ID": "\(id)", "Spec": {"Availability": "\(availability)"},
                    "Description": {"Hostname": "host-\(id)", "Resources": {"NanoCPUs": \(processors * 1_000_000_000),
                        "MemoryBytes": \(memory), "GenericResources": [\(resources.joined(separator: ","))]},
                        "Engine": {"EngineVersion": "\(version)", "Labels": {\(labels.joined(separator: ","))}}},
                    "Status": {"State": "\(state)", "Addr": "10.0.0.1"}}
                """))
    }

    /// The specification of a task or service with GPUs.
    private static func template(
        _ count: Int, node: String?, devices: String?, number: Int, home: String? = nil
    ) -> String {
        var labels = [#""podstack.gpu.type": "A100", "podstack.gpu.count": "\#(count)""#]
        if let node { labels.append(#""podstack.gpu.node": "\#(node)""#) }
        if let devices { labels.append(#""podstack.gpu.devices": "\#(devices)""#) }
        if let home { labels.append(#""podstack.home": "\#(home)""#) }
        return """
            {"ForceUpdate": \(number), "ContainerSpec": {"Labels": {\(labels.joined(separator: ","))}},
                "Resources": {"Reservations": {"NanoCPUs": 1000000000, "MemoryBytes": 1000}}}
            """
    }

    static func service(
        _ id: String, count: Int = 1, node: String? = nil, devices: String? = nil, replicas: Int = 1, number: Int = 1,
        waiting: Int? = nil, home: String? = nil
    ) throws -> Docker.Service {
        let labels = waiting.map { #"{"podstack.gpu.waiting": "\#($0)"}"# } ?? "{}"
        return try decode(
            Docker.Service.self,
            """
            {"ID": "\(id)", "Spec": {"Name": "\(id)", "Labels": \(labels),
                "TaskTemplate": \(template(count, node: node, devices: devices, number: number, home: home)),
                "Mode": {"Replicated": {"Replicas": \(replicas)}}}}
            """)
    }

    static func task(
        _ id: String, of service: String, state: String, node: String? = "n1", devices: String? = nil, number: Int = 1,
        desired: String = "running", container: String? = nil, error: String? = nil
    ) throws -> Docker.Task {
        try decode(
            Docker.Task.self,
            """
            {"ID": "\(id)", "ServiceID": "\(service)", "NodeID": "\(node ?? "")", "DesiredState": "\(desired)",
                "CreatedAt": "2026-01-01T00:00:0\(number)Z", "UpdatedAt": "2026-01-01T00:00:09Z",
                "Spec": \(template(1, node: node, devices: devices, number: number)),
                "Status": {"State": "\(state)", "Err": "\(error ?? "")", "ContainerStatus": {"ContainerID": "\(container ?? "")"}}}
            """)
    }
}

@Suite("The GPUs of a swarm", .timeLimit(.perTest))
struct SwarmScheduleTests {
    private func need(_ service: Docker.Service) throws -> SwarmSchedule.Need {
        try #require(SwarmSchedule.Need(service))
    }

    @Test("go to one pod each, also while a container is created or stopped")
    func exclusive() throws {
        let nodes = [try SwarmValues.node("n1", devices: ["0", "1", "2", "3"])]
        let services = [
            try SwarmValues.service("running", node: "n1", devices: "0"),
            try SwarmValues.service("stopping", node: "n1", devices: "1", replicas: 0),
            try SwarmValues.service("beginning", node: "n1", devices: "2", number: 2),
            try SwarmValues.service("ended", node: "n1", devices: "3"),
            try SwarmValues.service("new", replicas: 0),
        ]
        let tasks = [
            try SwarmValues.task("1", of: "running", state: "running", devices: "0"),
            try SwarmValues.task("2", of: "stopping", state: "running", devices: "1", desired: "remove"),
            try SwarmValues.task("3", of: "beginning", state: "complete", devices: "2", number: 1),
            try SwarmValues.task("4", of: "ended", state: "failed", devices: "3"),
        ]
        var schedule = SwarmSchedule(nodes, services, tasks)
        #expect(schedule.assign([try need(services[4])]) == ["new": .init(nodeID: "n1", devices: ["3"])])
        #expect(schedule.assign([try need(services[4])]).isEmpty)
    }

    @Test("are all on one node, which takes pods and has the type, the processors, the memory and the volumes")
    func fitting() throws {
        func assign(_ node: SwarmNode, count: Int = 2, home: String? = nil) throws -> Bool {
            var schedule = SwarmSchedule([node, try SwarmValues.node("n9", devices: ["9"])], [], [])
            let pod = try need(try SwarmValues.service("pod", count: count, replicas: 0, home: home))
            return schedule.assign([pod])["pod"] != nil
        }
        #expect(try assign(try SwarmValues.node("n1")))
        #expect(try assign(try SwarmValues.node("n1"), home: "n1"))
        #expect(try assign(try SwarmValues.node("n1", type: "a100")))
        #expect(try !assign(try SwarmValues.node("n1"), home: "n2"))
        #expect(try !assign(try SwarmValues.node("n1"), count: 3))
        #expect(try !assign(try SwarmValues.node("n1", type: "T4")))
        #expect(try !assign(try SwarmValues.node("n1", type: nil)))
        #expect(try !assign(try SwarmValues.node("n1", state: "down")))
        #expect(try !assign(try SwarmValues.node("n1", availability: "drain")))
        #expect(try !assign(try SwarmValues.node("n1", processors: 0)))
        #expect(try !assign(try SwarmValues.node("n1", memory: 999)))
    }

    @Test("go to the pods that wait in their order, and a pod that needs too many holds up no other")
    func order() throws {
        let nodes = [try SwarmValues.node("n1"), try SwarmValues.node("n2", devices: ["a"])]
        let waiting = [
            try SwarmValues.service("late", replicas: 0, waiting: 3), try SwarmValues.service("now", replicas: 0),
            try SwarmValues.service("huge", count: 3, replicas: 0, waiting: 1),
            try SwarmValues.service("early", count: 2, replicas: 0, waiting: 2),
        ]
        var schedule = SwarmSchedule(nodes, waiting, [])
        let expected: [String: SwarmSchedule.Assignment] = [
            "early": .init(nodeID: "n1", devices: ["0", "1"]), "late": .init(nodeID: "n2", devices: ["a"]),
        ]
        #expect(schedule.assign(try waiting.map(need)) == expected)
    }

    @Test("are taken where the fewest stay free")
    func packing() throws {
        let nodes = [try SwarmValues.node("n1", devices: ["0", "1", "2"]), try SwarmValues.node("n2")]
        var schedule = SwarmSchedule(nodes, [], [])
        let pods = [try SwarmValues.service("a", replicas: 0), try SwarmValues.service("b", count: 3, replicas: 0)]
        #expect(schedule.assign([try need(pods[0])])["a"]?.nodeID == "n2")
        #expect(schedule.assign([try need(pods[1])])["b"]?.nodeID == "n1")
    }
}

@Suite("The nodes of a swarm", .timeLimit(.perTest))
struct SwarmPlacementTests {
    private func place(_ nodes: [SwarmNode], _ version: DockerAPIVersion = DockerAPIVersion(1, 41)) throws
        -> SwarmPlacement
    {
        try SwarmPlacement(nodes, version) { $0.engine != nil }
    }

    @Test("run pods only if their engines can be found")
    func engines() throws {
        let placement = try place([try SwarmValues.node("n1"), try SwarmValues.node("n2", hasEngine: false)])
        #expect(placement.nodes.map(\.id) == ["n1"])
        #expect(placement.constraints.contains("node.id!=n2"))
        let failure = engineFailure { _ = try place([try SwarmValues.node("n2", hasEngine: false)]) }
        #expect(failure?.kind == .refused)
        #expect(failure?.reason.contains("podstack.engine") == true)
    }

    @Test("run pods only if no program can gain privileges: by the service where all know how, or else by a label")
    func privileges() throws {
        let label = "engine.labels.podstack.no-new-privileges==true"
        let newest = DockerAPIVersion(1, 44)
        let new = try SwarmValues.node("n1", version: "28.2.2", hasNoNewPrivileges: false)
        let old = try SwarmValues.node("n2", hasNoNewPrivileges: false)
        let labeled = try SwarmValues.node("n3")

        let modern = try place([new], newest)
        #expect(modern.setsNoNewPrivileges)
        #expect(modern.constraints.isEmpty)
        // An old engine ignores the wish of the service.
        let mixed = try place([new, old, labeled], newest)
        #expect(mixed.setsNoNewPrivileges)
        #expect(mixed.constraints == [label])
        #expect(mixed.nodes.map(\.id) == ["n3"])
        // An old manager drops it.
        #expect(try !place([labeled]).setsNoNewPrivileges)
        #expect(engineFailure { _ = try place([new, old]) }?.kind == .refused)
        #expect(engineFailure { _ = try place([new, old], newest) }?.kind == .refused)
        #expect(
            mixed.constraints(replacingIn: ["node.id!=gone", label, "node.id==n3"]) == [label, "node.id==n3"])
    }

    @Test("have the names of their machines, or their IDs if two machines have the same name")
    func names() throws {
        var twin = try SwarmValues.node("n2")
        twin.name = "host-n1"
        let nodes = SwarmNodes.named([try SwarmValues.node("n1"), twin, try SwarmValues.node("n3")])
        #expect(nodes.mapValues(\.name) == ["n1": "n1", "n2": "n2", "n3": "host-n3"])
        #expect(nodes["n3"]?.address(port: 80) == "10.0.0.1:80")
    }
}

@Suite("The tasks of a swarm", .timeLimit(.perTest))
struct SwarmTasksTests {
    @Test("count only if the latest start has created them")
    func current() throws {
        let service = try SwarmValues.service("s", number: 2)
        let old = try SwarmValues.task("1", of: "s", state: "failed", number: 1)
        let new = try SwarmValues.task("2", of: "s", state: "pending", node: nil, number: 2)
        #expect(SwarmTasks.current(of: service, [old]) == nil)
        #expect(SwarmTasks.current(of: service, [new, old])?.id == "2")
    }

    @Test("wait, are prepared, have a container, fail, or are lost with their node")
    func states() throws {
        let nodes = ["n1": try SwarmValues.node("n1"), "n2": try SwarmValues.node("n2", state: "down")]
        func state(
            _ name: String, node: String? = "n1", container: String? = nil, error: String? = nil,
            desired: String = "running"
        ) throws
            -> SwarmTasks.State
        {
            SwarmTasks.state(
                of: try SwarmValues.task(
                    "1", of: "s", state: name, node: node, desired: desired, container: container, error: error),
                nodes)
        }
        #expect(try state("pending", node: nil) == .waiting("The pod waits for a node"))
        #expect(
            try state("pending", node: nil, error: "no suitable node (insufficient resources on 2 nodes)")
                == .waiting("The pod waits until a node has room: insufficient resources on 2 nodes"))
        #expect(try state("preparing") == .preparing)
        #expect(try state("running", container: "c") == .container("c"))
        #expect(try state("complete", container: "c") == .container("c"))
        #expect(try state("rejected", error: "No such image: x:1") == .failed("No such image: x:1"))
        for name in ["assigned", "preparing", "running"] {
            #expect(try state(name, node: "n2", container: "c") == .lost)
            #expect(try state(name, node: "n3", container: "c") == .lost)
        }
        #expect(try state("failed", container: "c", desired: "remove") == .discarded)
        #expect(try state("running", container: "c", desired: "remove") == .discarded)
        #expect(try state("running", node: "n2", container: "c", desired: "remove") == .lost)
        // A task that ended before its node went down is not lost.
        #expect(try state("failed", node: "n2", container: "c") == .container("c"))
        #expect(try state("orphaned", node: "n2", container: "c") == .lost)
    }
}

@Suite("The variables of a pod on a swarm", .timeLimit(.perTest))
struct SwarmEnvironmentTests {
    @Test("stay as they are, and cannot name devices")
    func values() {
        var specification = EngineSpecification(
            podID: "p", instance: "i", projectID: "j", image: "x", cpuMillicores: 1, memoryBytes: 1, diskBytes: 1,
            publishAddress: "0.0.0.0")
        specification.environment = [("A", "{{.Node.ID}}"), ("B", "{{{")]
        let variables = SwarmEnvironment.variables(of: specification)
        #expect(
            variables == [
                #"A={{"{{"}}.Node.ID}}"#, #"B={{"{{"}}{"#, "NVIDIA_VISIBLE_DEVICES=void", "DOCKER_RESOURCE_GPU=void",
            ])
        #expect(
            SwarmEnvironment.variables(variables, devices: "0,1").suffix(2)
                == ["NVIDIA_VISIBLE_DEVICES=0,1", "DOCKER_RESOURCE_GPU=0,1"])
        for name in ["NVIDIA_VISIBLE_DEVICES", "DOCKER_RESOURCE_GPU", "docker_resource_NVIDIA"] {
            #expect(SwarmEnvironment.isReserved(name))
        }
        #expect(!SwarmEnvironment.isReserved("NVIDIA_DRIVER_CAPABILITIES"))
    }
}
