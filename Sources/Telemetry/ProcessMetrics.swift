import Glibc

/// What the system knows about this process, under the names that Prometheus's own clients use.
package enum ProcessMetrics {
    /// Adds the process's families to a registry.
    package static func register(in registry: MetricRegistry) {
        registry.collect { families() }
        registry.collect {
            [
                MetricFamily(
                    "plimsoll_log_lines_dropped_total", "Log lines that standard error did not take.", .counter, [MetricSample(LogSetup.dropped)])
            ]
        }
    }

    static func families() -> [MetricFamily] {
        var families = [
            family("process_cpu_seconds_total", "Processor time used, in seconds.", .counter, cpuSeconds()),
            family("process_open_fds", "Open file descriptors.", .gauge, openDescriptors()),
            family("process_start_time_seconds", "Start of the process, in seconds since 1970.", .gauge, startTime()),
        ]
        if let memory = memoryBytes() {
            families.append(family("process_resident_memory_bytes", "Resident memory, in bytes.", .gauge, memory.resident))
            families.append(family("process_virtual_memory_bytes", "Virtual memory, in bytes.", .gauge, memory.virtual))
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            families.append(family("process_max_fds", "Bound on open file descriptors.", .gauge, Double(limit.rlim_cur)))
        }
        return families
    }

    private static func family(_ name: String, _ help: String, _ kind: MetricKind, _ value: Double) -> MetricFamily {
        MetricFamily(name, help, kind, [MetricSample(value)])
    }

    private static func cpuSeconds() -> Double {
        var used = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
        return Double(used.tv_sec) + Double(used.tv_nsec) * 1e-9
    }

    private static func openDescriptors() -> Double {
        guard let folder = opendir("/proc/self/fd") else { return .nan }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            if entry.pointee.d_name.0 != CChar(bitPattern: UInt8(ascii: ".")) { count += 1 }
        }
        // Less the one that reads the folder.
        return Double(count - 1)
    }

    private static func memoryBytes() -> (resident: Double, virtual: Double)? {
        guard let fields = KernelText.read("/proc/self/statm")?.split(separator: " "), fields.count > 1 else { return nil }
        guard let virtual = Double(fields[0]), let resident = Double(fields[1]) else { return nil }
        let page = Double(sysconf(Int32(_SC_PAGESIZE)))
        return (resident * page, virtual * page)
    }

    private static func startTime() -> Double {
        let boot = KernelText.read("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }?.dropFirst(6)
        guard let own = ProcessStat(pid: getpid()), let bootSeconds = boot.flatMap({ Double($0) }) else { return .nan }
        return bootSeconds + Double(own.startTicks) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
