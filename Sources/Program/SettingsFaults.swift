/// Everything that is wrong with a program's settings.
package struct SettingsFaults: Error, Sendable, CustomStringConvertible {
    /// One line each: where, and what is expected.
    package let faults: [String]

    package init(faults: [String]) {
        self.faults = faults
    }

    package var description: String {
        let head = faults.count == 1 ? "1 fault in the settings:" : "\(faults.count) faults in the settings:"
        return ([head] + faults.map { "  \($0)" }).joined(separator: "\n")
    }
}
