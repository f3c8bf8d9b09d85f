import FoundationEssentials

/// Instants as pages show them, always UTC.
enum Moment {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// For machines: RFC 3339.
    static func machine(_ date: Date) -> String { date.formatted(.iso8601) }

    /// Such as `26 Nov 2026`.
    static func day(_ date: Date) -> String {
        let parts = machine(date).prefix(10).split(separator: "-")
        guard parts.count == 3, let month = Int(parts[1]), (1...12).contains(month), let day = Int(parts[2]) else { return machine(date) }
        return "\(day) \(months[month - 1]) \(parts[0])"
    }

    /// Such as `14:05`.
    static func clock(_ date: Date) -> String { String(machine(date).dropFirst(11).prefix(5)) }

    /// Such as `26 Nov 2026, 14:05 UTC`, with a form for machines.
    static func element(_ date: Date) -> HTML { "<time datetime=\"\(machine(date))\">\(day(date)), \(clock(date)) UTC</time>" }
}
