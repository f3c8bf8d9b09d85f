import Glibc
package import PlimsollWire
import Telemetry

/// Reads what this host is made of. CPU, memory and disk always; accelerators when their driver's library is there.
package struct HostInventory: Sendable {
    private let diskPath: String
    private let accelerators: AcceleratorReader

    /// - Parameters:
    ///   - diskPath: a path on the disk whose free space counts.
    ///   - acceleratorLibrary: the NVIDIA management library; nil: the system's.
    package init(diskPath: String, acceleratorLibrary: String? = nil, acceleratorDeadline: Duration = .seconds(5)) {
        self.diskPath = diskPath
        self.accelerators = AcceleratorReader(library: acceleratorLibrary, deadline: acceleratorDeadline)
    }

    package func read() async -> Inventory {
        let reading = await accelerators.read()
        let meminfo = Self.text("/proc/meminfo")
        let names = Self.kernelNames()
        return Inventory(
            hostname: names.host, operatingSystem: HostFacts.operatingSystem(osRelease: Self.text("/etc/os-release")) ?? "Linux",
            kernel: names.release, processor: Self.processor(machine: names.machine), memoryBytes: Self.memoryBytes(meminfo: meminfo),
            memoryAvailableBytes: HostFacts.memory("MemAvailable", meminfo: meminfo) ?? 0, diskFreeBytes: Self.diskFree(diskPath),
            accelerators: reading.accelerators, driverVersion: reading.driverVersion, cudaVersion: reading.cudaVersion,
            acceleratorFault: reading.fault)
    }

    package static func hostname() -> String { kernelNames().host }

    private static func processor(machine: String) -> Inventory.Processor {
        let facts = HostFacts.processor(cpuinfo: text("/proc/cpuinfo"))
        let online = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        return Inventory.Processor(model: facts.model ?? machine, cores: max(facts.cores, online, 1))
    }

    private static func memoryBytes(meminfo: String) -> Int64 {
        let pages = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        let total = HostFacts.memory("MemTotal", meminfo: meminfo) ?? max(0, pages)
        // In a container the group's limit is what a model can have, not the machine's memory.
        let limit = HostFacts.memoryLimit(cgroup: text("/sys/fs/cgroup/memory.max"))
        return limit.map { min($0, total) } ?? total
    }

    private static func diskFree(_ path: String) -> Int64 {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { return 0 }
        let free = UInt64(facts.f_bavail).multipliedReportingOverflow(by: UInt64(facts.f_frsize))
        return free.overflow ? Int64.max : Int64(clamping: free.partialValue)
    }

    private static func kernelNames() -> (host: String, release: String, machine: String) {
        var names = utsname()
        guard uname(&names) == 0 else { return ("unknown", "unknown", "unknown") }
        return (cText(names.nodename), cText(names.release), cText(names.machine))
    }

    /// A fixed C array of characters up to its zero.
    private static func cText<Field>(_ field: Field) -> String {
        withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    private static func text(_ path: String) -> String { KernelText.read(path) ?? "" }
}
