package import Cryptography

/// What was found out about a bundle, step by step, from nothing but its bytes.
package struct BundleVerification: Sendable {
    package struct Step: Sendable, Equatable {
        package let title: String
        /// The figures, for people.
        package let finding: String
        package let holds: Bool
    }

    package private(set) var steps: [Step] = []
    /// Whose key the signatures were held against: false when it came from the bundle, which proves only that the bundle is whole.
    package let isKeyKnown: Bool

    package var holds: Bool { !steps.isEmpty && steps.allSatisfy(\.holds) }

    /// - Parameter key: The signer's, from elsewhere; nil: the one that the bundle names.
    package init(_ bytes: [UInt8], key: NoteKey? = nil) {
        isKeyKnown = key != nil
        guard let text = String(validating: bytes, as: UTF8.self), let sealed = SignedNote(text) else {
            note("seal", "the file is no signed note: it was cut, lengthened or changed", false)
            return
        }
        let bundle: EvidenceBundle
        do {
            bundle = try EvidenceBundle(reading: sealed.text)
        } catch {
            note("form", error.description, false)
            return
        }
        let signer = key ?? bundle.signer
        let isSealed = sealed.isSigned(by: signer) && signer == bundle.signer
        note("seal", isSealed ? "\(bytes.count) bytes signed by \(signer)" : "the bytes are not signed by \(signer)", isSealed)
        // What follows would be figures about somebody else's bytes.
        guard isSealed else { return }
        checkLeaves(bundle)
        checkMinutes(bundle)
        checkLog(bundle, signer)
        checkPromise(bundle)
    }

    private mutating func note(_ title: String, _ finding: String, _ holds: Bool) {
        steps.append(Step(title: title, finding: finding, holds: holds))
    }
}

extension BundleVerification {
    private mutating func checkLeaves(_ bundle: EvidenceBundle) {
        let frontier = EvidenceWalk.frontier(bundle.parts.map(\.stretch))
        let roots = bundle.log.filter { if case .root = $0.entry.fact { true } else { false } }
        let isLogged = roots.count == 1 && roots[0].entry.fact == .root(size: frontier.count, frontier.root)
        note("root", "\(frontier.count) leaves hash to \(frontier.root)\(isLogged ? "" : ", which is not the root in the log")", isLogged)
        let incoherent = bundle.parts.reduce(0) { sum, part in sum + part.stretch.runs.runs.count { !$0.counts.isCoherent } }
        note(
            "counts", incoherent == 0 ? "every status follows from its counts" : "\(incoherent) lines whose status contradicts their counts",
            incoherent == 0)
    }

    /// Each minute of each series once, from its beginning to the end of the month.
    private mutating func checkMinutes(_ bundle: EvidenceBundle) {
        let month = bundle.month.minutes
        if bundle.parts.isEmpty { note("minutes", "there is no series", false) }
        for (series, stretches) in Self.series(bundle) {
            let sorted = stretches.sorted { $0.since < $1.since }
            let isInOrder = zip(sorted, sorted.dropFirst()).allSatisfy { $0.until <= $1.since }
            guard let first = sorted.first?.since, let end = sorted.last?.until, isInOrder, month.lowerBound <= first, end <= month.upperBound else {
                note("minutes", "\(series.model) in \(series.region) has minutes twice, or of another month", false)
                continue
            }
            let count = sorted.reduce(0) { $0 + $1.runs.count }
            let place = "\(series.model) in \(series.region)"
            guard count != month.count else {
                note("minutes", "\(place): each of \(count) minutes once", true)
                continue
            }
            // A series may begin or end within the month, but then the bundle must say why.
            let reasons = bundle.parts.filter { $0.stretch.series == series && !$0.partial.isEmpty }.map(\.partial)
            let why = reasons.isEmpty ? "and nothing says why" : reasons.joined(separator: "; ")
            note(
                "minutes", "\(place): \(count) of \(month.count) minutes, \(UTCMinute.text(first)) to \(UTCMinute.text(end)), \(why)",
                !reasons.isEmpty)
        }
    }

    private mutating func checkLog(_ bundle: EvidenceBundle, _ signer: NoteKey) {
        guard let checkpoint = LogCheckpoint(bundle.checkpoint.text) else { return note("checkpoint", "it is none", false) }
        let isSigned = bundle.checkpoint.isSigned(by: signer) && checkpoint.origin == signer.name
        note(
            "checkpoint", "\(checkpoint.origin), \(checkpoint.size) leaves, root \(checkpoint.root)\(isSigned ? "" : ", not signed by the key")",
            isSigned)
        let tag = PublicLogEntry.tag(tenant: bundle.tenant, month: bundle.month, salt: bundle.salt)
        for leaf in bundle.log {
            let isOwn = leaf.entry.tag == tag && leaf.entry.month == bundle.month
            let isIncluded = MerkleTree.isIncluded(
                leaf.entry.hash, at: leaf.position, of: checkpoint.size, path: leaf.path, root: checkpoint.root)
            let fault = !isOwn ? ", of another tenant or month" : isIncluded ? "" : ", does not lead to the checkpoint's root"
            note("log", "leaf \(leaf.position): \(leaf.entry.text)\(fault)", isOwn && isIncluded)
        }
        let logged = bundle.log.map(\.entry.fact)
        let facts = bundle.corrections.map { PublicLogEntry.Fact.correction($0.digest) } + bundle.credits.map { .credit($0.digest) }
        let unlogged = facts.filter { !logged.contains($0) }.count
        let unshown = logged.filter { if case .root = $0 { false } else { !facts.contains($0) } }.count
        let isWhole = unlogged == 0 && unshown == 0
        note(
            "records",
            isWhole
                ? "\(bundle.corrections.count) corrections and \(bundle.credits.count) credits, all in the log"
                : "\(unlogged) corrections or credits are not in the log, \(unshown) of the log's are not here", isWhole)
    }

    private mutating func checkPromise(_ bundle: EvidenceBundle) {
        for (series, stretches) in Self.series(bundle) {
            let ids = Set(bundle.parts.filter { $0.stretch.series == series }.map(\.terms))
            let terms = bundle.terms.filter { ids.contains($0.id) }
            guard ids.count == 1, terms.count == 1 else {
                note("terms", "\(series.model) in \(series.region) has not one set of terms", false)
                continue
            }
            let outcome = MonthOutcome(
                stretches.sorted { $0.since < $1.since }, terms: terms[0], covered: bundle.covered(of: series),
                corrections: bundle.corrections(of: series),
                excluding: bundle.exclusions.filter { $0.covers(series) && $0.code != EvidenceExclusion.uncovered }.map(\.minutes),
                probes: bundle.probes.filter { $0.model == series.model && $0.region == series.region })
            note("uptime", "\(series.model) in \(series.region): \(outcome.uptimeText(terms[0]))", true)
            if let latency = terms[0].latency { note("latency", "\(series.model) in \(series.region): \(outcome.latencyText(latency))", true) }
            checkCredit(series, outcome, bundle)
        }
        let known = Set(bundle.parts.map { "\($0.stretch.series.model)|\($0.stretch.series.region)" })
        if let stray = bundle.credits.first(where: { !known.contains("\($0.model)|\($0.region)") }) {
            note("credit", "there is a credit for \(stray.model) in \(stray.region), which has no minutes here", false)
        }
    }

    /// The newest version is the one that counts.
    private mutating func checkCredit(_ series: EvidenceSeries, _ outcome: MonthOutcome, _ bundle: EvidenceBundle) {
        let versions = bundle.credits.filter { $0.model == series.model && $0.region == series.region }
        let place = "\(series.model) in \(series.region)"
        guard let credit = versions.max(by: { $0.version < $1.version }) else {
            let isOwed = outcome.percent > Ratio(0, 1)
            let words =
                isOwed
                ? "\(outcome.percent.shortDecimal(places: 4)) % of the fee follow, but no credit is recorded" : "none follows, none is recorded"
            return note("credit", "\(place): \(words)", !isOwed)
        }
        let cents = EvidenceCredit.cents(of: credit.base, percent: outcome.percent)
        let isRight =
            credit.eligible == outcome.eligible && credit.bad == outcome.bad && credit.percent == outcome.percent && Int128(credit.cents) == cents
        let fee = Rating.text(credit.base, places: 12)
        note(
            "credit",
            "\(place): \(outcome.percent.shortDecimal(places: 4)) % of USD \(fee) is USD \(Rating.text(cents, places: 2))"
                + (isRight
                    ? ", as recorded in version \(credit.version)"
                    : ", but version \(credit.version) records USD \(Rating.text(Int128(credit.cents), places: 2)) for \(credit.bad) bad of \(credit.eligible) minutes"),
            isRight)
    }

    private static func series(_ bundle: EvidenceBundle) -> [(EvidenceSeries, [EvidenceStretch])] {
        Dictionary(grouping: bundle.parts.map(\.stretch), by: \.series).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

extension MonthOutcome {
    fileprivate func uptimeText(_ terms: EvidenceTerms) -> String {
        guard let uptime else { return "no minute counts; \(excluded) excluded" }
        let verdict = uptime < terms.credit.objective ? "below" : "at or above"
        return "\(good) good of \(eligible) minutes (\(bad) bad, \(unmeasured) of them unmeasured, \(excluded) excluded) is "
            + "\((uptime * Ratio(100, 1)).decimal(places: 4)) %, \(verdict) \((terms.credit.objective * Ratio(100, 1)).shortDecimal(places: 4)) %"
    }

    fileprivate func latencyText(_ latency: EvidenceTerms.Latency) -> String {
        "\(firstTokens.over) of \(firstTokens.samples) first tokens later than \(latency.threshold) us, p95 above it for \(slowHours) hours in a row, "
            + "\(latencyPercent) % of the fee"
    }
}

extension EvidenceBundle {
    /// Without the beginning and the end that no agreement is about.
    fileprivate func covered(of series: EvidenceSeries) -> Range<Int64> {
        exclusions.filter { $0.code == EvidenceExclusion.uncovered && $0.covers(series) }.reduce(month.minutes) { rest, gap in
            let begins = gap.minutes.lowerBound <= rest.lowerBound ? max(rest.lowerBound, gap.minutes.upperBound) : rest.lowerBound
            let ends = gap.minutes.upperBound >= rest.upperBound ? min(rest.upperBound, gap.minutes.lowerBound) : rest.upperBound
            return begins..<max(begins, ends)
        }
    }

    fileprivate func corrections(of series: EvidenceSeries) -> [Int64: LeafCounts] {
        var found: [Int64: LeafCounts] = [:]
        for leaf in corrections.sorted(by: { $0.number < $1.number }).map(\.leaf)
        where leaf.tenant == tenant && leaf.model == series.model && leaf.region == series.region {
            found[leaf.minute] = LeafCounts(leaf)
        }
        return found
    }
}
