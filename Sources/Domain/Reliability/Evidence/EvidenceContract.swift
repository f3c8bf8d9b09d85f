/// What a promise may leave out, as its contract says.
package struct EvidenceContract: Sendable, Equatable {
    /// Id of the promise.
    package let promise: String
    /// Of the exclusions that it has.
    package let codes: [String]
    /// Nil: maintenance counts like any other time.
    package let maintenance: MaintenanceRules?
    /// Minutes of the contract's month, of which maintenance is capped.
    package let month: Range<Int64>
    /// Of the contract's zone.
    package let clock: ZoneClock

    package init(promise: String, codes: [String], maintenance: MaintenanceRules?, month: Range<Int64>, clock: ZoneClock) {
        self.promise = promise
        self.codes = codes
        self.maintenance = maintenance
        self.month = month
        self.clock = clock
    }

    var line: String {
        let times = [UTCMinute.text(month.lowerBound), UTCMinute.text(month.upperBound)]
        let steps = clock.steps.map { "\($0.since == .min ? "" : UTCMinute.text($0.since))=\($0.ahead)" }.joined(separator: ",")
        return
            (["contract", BundleText.escape(promise), BundleText.escape(codes.joined(separator: ",")), maintenance?.text ?? "-"] + times + [steps])
            .joined(separator: "|")
    }

    /// Reads exactly what `line` gives.
    init?(_ fields: [String]) {
        guard fields.count == 7, let promise = BundleText.unescape(fields[1]), let codes = BundleText.unescape(fields[2]),
            let since = UTCMinute.parse(fields[4]), let until = UTCMinute.parse(fields[5]), since < until, until - since <= 45 * 1_440
        else { return nil }
        let rules = MaintenanceRules(fields[3])
        guard rules != nil || fields[3] == "-" else { return nil }
        var steps: [ZoneClock.Step] = []
        for part in fields[6].split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard sides.count == 2, let ahead = Int64(sides[1]), (-1_440...1_440).contains(ahead),
                let since = sides[0].isEmpty ? .min : UTCMinute.parse(sides[0])
            else { return nil }
            steps.append(ZoneClock.Step(since: since, ahead: ahead))
        }
        self.init(
            promise: promise, codes: codes.split(separator: ",").map(String.init), maintenance: rules, month: since..<until, clock: ZoneClock(steps))
        guard line == fields.joined(separator: "|") else { return nil }
    }
}

extension MaintenanceRules {
    /// `<lead in seconds>,<minutes a month>,any`, or in place of `any` the agreed window: `<weekday or *>,<from>,<until>`.
    fileprivate var text: String {
        let window = window.map { "\($0.weekday.map { "\($0)" } ?? "*"),\($0.from),\($0.until)" }
        return "\(leadSeconds),\(monthlyMinutes),\(window ?? "any")"
    }

    fileprivate init?(_ text: String) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 || parts.count == 5, let lead = Int64(parts[0]), (0...31_622_400).contains(lead), let minutes = Int64(parts[1]),
            (0...44_640).contains(minutes)
        else { return nil }
        guard parts.count == 5 else {
            guard parts[2] == "any" else { return nil }
            self.init(leadSeconds: lead, monthlyMinutes: minutes)
            return
        }
        let weekday = Int(parts[2])
        guard weekday.map((1...7).contains) ?? (parts[2] == "*"), let from = Int(parts[3]), (0...1_439).contains(from), let until = Int(parts[4]),
            (1...1_440).contains(until)
        else { return nil }
        self.init(leadSeconds: lead, monthlyMinutes: minutes, window: AgreedWindow(weekday: weekday, from: from, until: until))
    }
}

/// A maintenance window that touches a promise's month, whether it was announced in time or not.
package struct EvidenceMaintenance: Sendable, Equatable {
    /// Id of the promise.
    package let promise: String
    package let planned: PlannedMaintenance

    package init(promise: String, planned: PlannedMaintenance) {
        self.promise = promise
        self.planned = planned
    }

    /// Instants in microseconds since 1970.
    var line: String {
        "maintenance|\(BundleText.escape(promise))|\(planned.announced)|\(planned.starts)|\(planned.ends)|\(BundleText.escape(planned.reason))"
    }

    /// Reads exactly what `line` gives.
    init?(_ fields: [String]) {
        guard fields.count == 6, let promise = BundleText.unescape(fields[1]), let announced = Self.instant(fields[2]),
            let starts = Self.instant(fields[3]), let ends = Self.instant(fields[4]), starts <= ends, let reason = BundleText.unescape(fields[5])
        else { return nil }
        self.init(promise: promise, planned: PlannedMaintenance(announced: announced, starts: starts, ends: ends, reason: reason))
        guard line == fields.joined(separator: "|") else { return nil }
    }

    /// Up to the year 9999.
    private static func instant(_ text: String) -> Int64? { Int64(text).flatMap { (0...253_402_300_800_000_000).contains($0) ? $0 : nil } }
}
