/// Readers of the kernel's text files; pure, so that odd hosts can be tested by their text.
enum HostFacts {
    /// Processor model and number of logical cores in `/proc/cpuinfo`. Arm kernels name no model.
    static func processor(cpuinfo: String) -> (model: String?, cores: Int) {
        var model: String?
        var cores = 0
        for line in cpuinfo.split(separator: "\n") {
            guard let (key, value) = pair(line, separator: ":") else { continue }
            if key == "processor" { cores += 1 }
            if key == "model name", model == nil { model = value }
        }
        return (model, cores)
    }

    /// A line of `/proc/meminfo` in bytes.
    static func memory(_ field: String, meminfo: String) -> Int64? {
        for line in meminfo.split(separator: "\n") {
            guard let (key, value) = pair(line, separator: ":"), key == field else { continue }
            guard let kibibytes = value.split(separator: " ").first.flatMap({ Int64($0) }), kibibytes >= 0 else { return nil }
            return kibibytes.multipliedReportingOverflow(by: 1024).overflow ? nil : kibibytes * 1024
        }
        return nil
    }

    /// `PRETTY_NAME` of `/etc/os-release`.
    static func operatingSystem(osRelease: String) -> String? {
        for line in osRelease.split(separator: "\n") {
            guard let (key, value) = pair(line, separator: "="), key == "PRETTY_NAME" else { continue }
            return value.filter { $0 != "\"" }
        }
        return nil
    }

    /// The memory limit of the control group, in bytes; nil for `max`.
    static func memoryLimit(cgroup: String) -> Int64? {
        cgroup.split(whereSeparator: \.isWhitespace).first.flatMap { Int64($0) }
    }

    private static func pair(_ line: Substring, separator: Character) -> (String, String)? {
        guard let mark = line.firstIndex(of: separator) else { return nil }
        return (trimmed(line[..<mark]), trimmed(line[line.index(after: mark)...]))
    }

    private static func trimmed(_ text: Substring) -> String {
        var rest = text
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}
