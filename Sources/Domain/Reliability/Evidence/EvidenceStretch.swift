package import Cryptography

/// Leaves of one series, minute after minute without a gap.
package struct EvidenceStretch: Sendable, Equatable {
    package let series: EvidenceSeries
    /// First minute since 1970.
    package let since: Int64
    package var runs: LeafRuns

    package init(series: EvidenceSeries, since: Int64, runs: LeafRuns = LeafRuns()) {
        self.series = series
        self.since = since
        self.runs = runs
    }

    /// First minute after it.
    package var until: Int64 { since + Int64(runs.count) }

    /// Its leaves within a range; nil without one.
    package func clamped(to range: Range<Int64>) -> EvidenceStretch? {
        let inside = (since..<until).clamped(to: range)
        guard !inside.isEmpty else { return nil }
        var (found, minute) = (EvidenceStretch(series: series, since: inside.lowerBound), since)
        for run in runs.runs {
            let part = (minute..<minute + Int64(run.times)).clamped(to: inside)
            found.runs.append(run.counts, times: part.count)
            minute += Int64(run.times)
        }
        return found
    }
}

/// One leaf on the way through a tree.
package struct EvidenceLeaf: Sendable {
    package let series: EvidenceSeries
    package let minute: Int64
    package let counts: LeafCounts
    package let hash: SHA256Digest

    package var text: String { "\(MinuteLeaf.version)|\(series.tenant)|\(series.model)|\(series.region)|\(UTCMinute.text(minute))|\(counts.text)" }
}

/// Leaves in the order of their tree: by minute, and within a minute by series.
package enum EvidenceWalk {
    private struct Cursor {
        let stretch: EvidenceStretch
        var hasher: LeafHasher
        var run = 0
        /// Minutes of the run that are behind.
        var used = 0

        mutating func next() -> LeafCounts {
            let counts = stretch.runs.runs[run].counts
            used += 1
            if used == stretch.runs.runs[run].times { (run, used) = (run + 1, 0) }
            return counts
        }
    }

    /// - Parameter stretches: In any order; no two of a series may overlap.
    package static func leaves<Failure: Error>(
        _ stretches: [EvidenceStretch], _ visit: (EvidenceLeaf) throws(Failure) -> Void
    ) throws(Failure) {
        var waiting = stretches.filter { $0.runs.count > 0 }.sorted { ($0.since, $0.series) > ($1.since, $1.series) }
        var active: [Cursor] = []
        guard var minute = waiting.last?.since else { return }
        while true {
            var isNew = false
            while let stretch = waiting.last, stretch.since <= minute {
                active.append(Cursor(stretch: stretch, hasher: LeafHasher(stretch.series)))
                waiting.removeLast()
                isNew = true
            }
            if isNew { active.sort { $0.stretch.series < $1.stretch.series } }
            var hasEnded = false
            for place in active.indices {
                let counts = active[place].next()
                let hash = active[place].hasher.hash(minute, counts)
                try visit(EvidenceLeaf(series: active[place].stretch.series, minute: minute, counts: counts, hash: hash))
                hasEnded = hasEnded || active[place].stretch.until == minute + 1
            }
            if hasEnded { active.removeAll { $0.stretch.until == minute + 1 } }
            guard active.isEmpty else {
                minute += 1
                continue
            }
            guard let next = waiting.last?.since else { return }
            minute = next
        }
    }

    package static func hashes(_ stretches: [EvidenceStretch]) -> [SHA256Digest] {
        var hashes: [SHA256Digest] = []
        hashes.reserveCapacity(stretches.reduce(0) { $0 + $1.runs.count })
        leaves(stretches) { hashes.append($0.hash) }
        return hashes
    }

    /// The tree of all of them, or what it grows to with them; memory does not grow with their number.
    package static func frontier(_ stretches: [EvidenceStretch], after before: MerkleFrontier = MerkleFrontier()) -> MerkleFrontier {
        var frontier = before
        leaves(stretches) { frontier.append($0.hash) }
        return frontier
    }
}

/// Hashes a series' leaves as `MinuteLeaf.hash` does, without building their texts anew: what changes between two minutes is a few bytes.
struct LeafHasher: Sendable {
    private static let minuteLength = 17

    /// The byte before a leaf in RFC 6962, the series, the minute, a separator and the counts.
    private var text: [UInt8]
    private let minuteStart: Int
    private var day = Int64.min
    private var last: LeafCounts?

    init(_ series: EvidenceSeries) {
        text = [0] + Array("\(MinuteLeaf.version)|\(series.tenant)|\(series.model)|\(series.region)|".utf8)
        minuteStart = text.count
        text += Array(repeating: UInt8(ascii: "|"), count: Self.minuteLength + 1)
    }

    mutating func hash(_ minute: Int64, _ counts: LeafCounts) -> SHA256Digest {
        write(minute)
        if counts != last {
            text.removeLast(text.count - minuteStart - Self.minuteLength - 1)
            text += counts.text.utf8
            last = counts
        }
        return Hash.sha256(text)
    }

    private mutating func write(_ minute: Int64) {
        let today = minute >= 0 ? minute / 1440 : -((-minute + 1439) / 1440)
        if today != day {
            text.replaceSubrange(minuteStart..<(minuteStart + Self.minuteLength), with: UTCMinute.text(minute).utf8)
            day = today
        }
        let ofDay = Int(minute - today * 1440)
        write(two: ofDay / 60, at: minuteStart + 11)
        write(two: ofDay % 60, at: minuteStart + 14)
    }

    private mutating func write(two value: Int, at place: Int) {
        text[place] = UInt8(48 + value / 10)
        text[place + 1] = UInt8(48 + value % 10)
    }
}
