#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The statistics that the system keeps of this process.
struct ProcessStatistics: Sendable {
    /// The processor time of all threads, in seconds.
    var cpuSeconds = 0.0
    /// The resident and the virtual memory; nil if the system does not say.
    var residentBytes: Int?
    var virtualBytes: Int?
    /// The number of open descriptors; nil if the system does not say.
    var openDescriptors: Int?
    /// The limit on open descriptors; nil for no limit.
    var maxDescriptors: Int?

    /// Returns the statistics of this process now.
    static func current() -> ProcessStatistics {
        var statistics = ProcessStatistics()
        var usage = rusage()
        #if os(Linux)
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        #else
            getrusage(Int32(RUSAGE_SELF), &usage)
        #endif
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        statistics.cpuSeconds = seconds(usage.ru_utime) + seconds(usage.ru_stime)
        statistics.maxDescriptors = descriptorLimit()
        #if os(Linux)
            if let pages = memoryPages() {
                let pageSize = sysconf(Int32(_SC_PAGESIZE))
                statistics.virtualBytes = pages.virtual * pageSize
                statistics.residentBytes = pages.resident * pageSize
            }
            statistics.openDescriptors = countDescriptors()
        #endif
        return statistics
    }

    /// Returns the soft limit on open descriptors; nil for no limit.
    static func descriptorLimit() -> Int? {
        var limit = rlimit()
        #if os(Linux)
            let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let kind = RLIMIT_NOFILE
        #endif
        guard getrlimit(kind, &limit) == 0, limit.rlim_cur < rlim_t(Int64.max) else { return nil }
        return Int(limit.rlim_cur)
    }

    #if os(Linux)
        /// Reads the pages of the process, the first two numbers of /proc/self/statm.
        ///
        /// Source: proc_pid_statm(5).
        private static func memoryPages() -> (virtual: Int, resident: Int)? {
            let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { return nil }
            defer { close(file) }
            var bytes = [UInt8](repeating: 0, count: 128)
            let count = read(file, &bytes, bytes.count)
            guard count > 0 else { return nil }
            let text = String(decoding: bytes.prefix(count), as: UTF8.self)
            let numbers = text.split(separator: " ").compactMap { Int($0) }
            return numbers.count >= 2 ? (numbers[0], numbers[1]) : nil
        }

        private static func countDescriptors() -> Int? {
            guard let directory = opendir("/proc/self/fd") else { return nil }
            defer { closedir(directory) }
            var count = 0
            while readdir(directory) != nil { count += 1 }
            // Without the directory itself, its parent, and the descriptor that reads it.
            return max(0, count - 3)
        }
    #endif
}
