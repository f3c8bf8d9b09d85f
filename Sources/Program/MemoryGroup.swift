import Telemetry

/// The control group of this process, as far as memory goes.
package enum MemoryGroup {
    /// Where there is no limit version 1 tells a number near 2^63.
    private static let none = 1 << 50

    /// The least limit of this process's group and of those around it, in bytes; nil: there is none.
    ///
    /// - Parameters:
    ///   - groups: What `/proc/self/cgroup` says.
    ///   - root: Where control groups are mounted.
    package static func limit(groups: String? = KernelText.read("/proc/self/cgroup"), root: String = "/sys/fs/cgroup") -> Int? {
        let limits = (groups ?? "").split(separator: "\n").compactMap { line -> Int? in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            if parts[0] == "0", parts[1].isEmpty { return least(root, parts[2], "memory.max") }
            return parts[1].split(separator: ",").contains("memory") ? least(root + "/memory", parts[2], "memory.limit_in_bytes") : nil
        }
        return limits.min()
    }

    /// In a container the mount may begin at the group itself: then its path is not found below, and the mount's own limit counts.
    private static func least(_ mount: String, _ path: Substring, _ file: String) -> Int? {
        var names = path.split(separator: "/")
        var limits: [Int] = []
        while true {
            if let limit = value(([mount] + names.map(String.init) + [file]).joined(separator: "/")) { limits.append(limit) }
            guard names.popLast() != nil else { return limits.min() }
        }
    }

    private static func value(_ path: String) -> Int? {
        KernelText.read(path)?.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }.flatMap { $0 < none ? $0 : nil }
    }
}
