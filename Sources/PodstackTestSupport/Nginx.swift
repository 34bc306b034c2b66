#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An nginx on free ports, which runs until this value is released.
package final class Nginx: Sendable {
    package let ports: [UInt16]
    /// The main configuration file.
    package let configuration: String
    private let directory: TemporaryDirectory
    private let process: ToolProcess

    /// Starts nginx.
    ///
    /// - Parameters:
    ///   - count: The number of ports.
    ///   - files: The names and sizes of the files in the folder that is the `root` of every server.
    ///   - isReloadable: Whether it has a master process, without which it serves no new ports after a reload.
    ///   - servers: Returns the `server` blocks for the ports.
    /// - Throws: An error if nginx does not start.
    package init(
        ports count: Int, files: [String: Int] = [:], isReloadable: Bool = false, servers: ([UInt16]) -> String
    ) throws {
        directory = try TemporaryDirectory()
        for (name, size) in files { _ = try directory.write(String(repeating: "x", count: size), to: name) }
        var problem = ""
        // Without a user, the workers of root run as another one, who cannot read the folder.
        let user = geteuid() == 0 ? "user root;" : ""
        let mode = isReloadable ? "master_process on; \(user)" : "master_process off;"
        // Another process may take a port before nginx does.
        for _ in 0..<5 {
            let ports = try LoopbackListener.freePorts(count)
            let path = directory.path
            let configuration = try directory.write(
                """
                worker_processes 1; daemon off; \(mode) pid \(path)/pid; error_log stderr;
                events { worker_connections 8192; }
                http {
                    access_log off; keepalive_requests 1000000; client_max_body_size 8m; root \(path);
                    client_body_temp_path \(path)/1; proxy_temp_path \(path)/2; fastcgi_temp_path \(path)/3;
                    uwsgi_temp_path \(path)/4; scgi_temp_path \(path)/5; default_type application/json;
                    \(servers(ports))
                }
                """, to: "nginx.conf")
            let process = try ToolProcess(attached: "nginx", ["-e", "stderr", "-c", configuration])
            if Self.isUp(ports, process) {
                self.ports = ports
                self.configuration = configuration
                self.process = process
                return
            }
            problem = process.standardError
        }
        throw ToolProcess.Failure(reason: "nginx does not start: \(problem)")
    }

    /// The error log.
    package var errorLog: String { process.standardError }

    private static func isUp(_ ports: [UInt16], _ process: ToolProcess) -> Bool {
        var wait = BoundedWait(.seconds(20))
        while !process.standardError.contains("[emerg]") {
            if ports.allSatisfy({ LoopbackListener.connect(port: $0) != nil }) { return true }
            guard let pause = wait.next() else { return false }
            BoundedWait.sleep(pause)
        }
        return false
    }
}
