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
    /// What the trees of the bundle come to.
    private var roots: [EvidenceRoots.Tree] = []
    /// Whose key the signatures were held against: false when it came from the bundle, which proves only that the bundle is whole.
    package let isKeyKnown: Bool

    package var holds: Bool { !steps.isEmpty && steps.allSatisfy(\.holds) }

    /// - Parameters:
    ///   - key: The signer's, from elsewhere; nil: the one that the bundle names.
    ///   - kept: The public log, from elsewhere; nil: what was withheld of it together with its leaves does not show.
    package init(_ bytes: [UInt8], key: NoteKey? = nil, against kept: KeptLog? = nil) {
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
        tellLate(bundle)
        checkLog(bundle, signer)
        if let kept { check(kept, bundle, signer) }
        checkPromises(bundle)
    }

    mutating func note(_ title: String, _ finding: String, _ holds: Bool) {
        steps.append(Step(title: title, finding: finding, holds: holds))
    }
}

extension BundleVerification {
    private mutating func checkLeaves(_ bundle: EvidenceBundle) {
        for tree in bundle.trees {
            let frontier = EvidenceWalk.frontier(tree.parts.map(\.stretch), after: tree.before)
            roots.append(EvidenceRoots.Tree(month: tree.month, leaves: frontier.count, root: frontier.root))
            let logged = bundle.log.map(\.entry).filter { if case .root = $0.fact { $0.month == tree.month } else { false } }
            let isLogged = logged.map(\.fact) == [.root(size: frontier.count, frontier.root)]
            let after = tree.before.count == 0 ? "" : "\(tree.before.count) leaves before and "
            note(
                "root",
                "\(tree.month): \(after)\(frontier.count - tree.before.count) leaves hash to \(frontier.root)\(isLogged ? "" : ", which is not the root in the log")",
                isLogged)
        }
        let isWhole = bundle.trees.count { $0.month == bundle.month && $0.before.count == 0 } == 1
        if !isWhole || Set(bundle.trees.map(\.month.description)).count != bundle.trees.count {
            note("root", "the month's own tree is not here in whole, or a tree is here twice", false)
        }
        // A correction stands in a leaf's place, so it is held against the same.
        let incoherent =
            bundle.parts.reduce(0) { sum, part in sum + part.stretch.runs.runs.count { !$0.counts.isCoherent } }
            + bundle.corrections.count { !LeafCounts($0.leaf).isCoherent }
        note(
            "counts", incoherent == 0 ? "every status follows from its counts" : "\(incoherent) lines whose status contradicts their counts",
            incoherent == 0)
    }

    /// Each minute of each series once, from its beginning to the end of the month.
    private mutating func checkMinutes(_ bundle: EvidenceBundle) {
        // What was first told when later months had their trees is in corrections alone.
        if bundle.parts.isEmpty { note("minutes", "there is no series", !bundle.corrections.isEmpty && bundle.promises.isEmpty) }
        for tree in bundle.trees {
            for (series, parts) in Self.series(tree) { checkMinutes(series, parts, tree.month, isOwn: tree.month == bundle.month) }
        }
    }

    private mutating func checkMinutes(_ series: EvidenceSeries, _ parts: [EvidenceBundle.Part], _ month: BillingPeriod, isOwn: Bool) {
        let place = "\(series.model) in \(series.region)"
        let sorted = parts.map(\.stretch).sorted { $0.since < $1.since }
        let isInOrder = zip(sorted, sorted.dropFirst()).allSatisfy { $0.until <= $1.since }
        guard let first = sorted.first?.since, let end = sorted.last?.until, isInOrder, month.minutes.lowerBound <= first,
            end <= month.minutes.upperBound
        else { return note("minutes", "\(place) has minutes twice, or of another month", false) }
        // Which of a neighbour's minutes are needed is checked with the promises.
        guard isOwn else { return }
        let count = sorted.reduce(0) { $0 + $1.runs.count }
        guard count != month.minutes.count else { return note("minutes", "\(place): each of \(count) minutes once", true) }
        // A series may begin or end within the month, but then the bundle must say why.
        let reasons = parts.map(\.partial).filter { !$0.isEmpty }
        let why = reasons.isEmpty ? "and nothing says why" : reasons.joined(separator: "; ")
        note(
            "minutes", "\(place): \(count) of \(month.minutes.count) minutes, \(UTCMinute.text(first)) to \(UTCMinute.text(end)), \(why)",
            !reasons.isEmpty)
    }

    private mutating func checkLog(_ bundle: EvidenceBundle, _ signer: NoteKey) {
        guard let checkpoint = LogCheckpoint(bundle.checkpoint.text) else { return note("checkpoint", "it is none", false) }
        let isSigned = bundle.checkpoint.isSigned(by: signer) && checkpoint.origin == signer.name
        note(
            "checkpoint", "\(checkpoint.origin), \(checkpoint.size) leaves, root \(checkpoint.root)\(isSigned ? "" : ", not signed by the key")",
            isSigned)
        let tags = bundle.trees.map { PublicLogEntry.tag(tenant: bundle.tenant, month: $0.month, salt: $0.salt) }
        for leaf in bundle.log {
            let isOwn = zip(bundle.trees, tags).contains { $0.month == leaf.entry.month && $1 == leaf.entry.tag }
            let isIncluded = MerkleTree.isIncluded(
                leaf.entry.hash, at: leaf.position, of: checkpoint.size, path: leaf.path, root: checkpoint.root)
            let fault = !isOwn ? ", of another tenant or month" : isIncluded ? "" : ", does not lead to the checkpoint's root"
            note("log", "leaf \(leaf.position): \(leaf.entry.text)\(fault)", isOwn && isIncluded)
        }
        let logged = bundle.log.map(\.entry.fact)
        let facts = bundle.corrections.map { PublicLogEntry.Fact.correction($0.digest) } + bundle.credits.map { .credit($0.digest) }
        let unlogged = facts.filter { !logged.contains($0) }.count
        let unshown = logged.filter { if case .root = $0 { false } else { !facts.contains($0) } }.count
        // Those of a neighbour's minutes are here as far as they are needed.
        let numbers = bundle.corrections.filter { bundle.month.minutes.contains($0.leaf.minute) }.map(\.number).sorted()
        let isGapless = zip(numbers, 1...).allSatisfy(==)
        let isWhole = unlogged == 0 && unshown == 0 && isGapless
        note(
            "records",
            isWhole
                ? "\(bundle.corrections.count) corrections and \(bundle.credits.count) credits, all in the log"
                : isGapless
                    ? "\(unlogged) corrections or credits are not in the log, \(unshown) of the log's are not here"
                    : "corrections are numbered from 1 on, and some of these numbers are not here or are here twice", isWhole)
    }

    private mutating func checkPromises(_ bundle: EvidenceBundle) {
        if !bundle.isJudged { note("contract", "written by an older version, without contracts: what it leaves out is told, not judged", true) }
        for promise in bundle.promises { checkPromise(promise, bundle) }
        for tree in bundle.trees where tree.month == bundle.month {
            for (series, _) in Self.series(tree) where !bundle.promises.contains(where: { $0.covers(series) }) {
                note("terms", "\(series.model) in \(series.region) has no terms", false)
            }
        }
        checkExclusions(bundle)
        let kept = Set(bundle.promises.map(\.id))
        if let stray = bundle.credits.first(where: { !kept.contains($0.promise) }) {
            note("credit", "there is a credit for \(stray.model) in \(stray.region), of which nothing is promised here", false)
        }
    }

    /// Each is told with who let it not count: whether that was so only the customer knows; that the contract has such an exclusion is checked.
    private mutating func checkExclusions(_ bundle: EvidenceBundle) {
        for exclusion in bundle.exclusions {
            let promise = bundle.promises.first { $0.id == exclusion.promise }
            let isWithin = promise.map { $0.minutes.clamped(to: exclusion.minutes) == exclusion.minutes && !exclusion.minutes.isEmpty } ?? false
            let isAgreed =
                bundle.contract(of: exclusion.promise).map { $0.codes.contains(exclusion.code) && exclusion.code != Maintenance.code } ?? true
            let place = promise.map { "\($0.model) in \($0.region)" } ?? exclusion.promise
            let span = "\(UTCMinute.text(exclusion.minutes.lowerBound)) to \(UTCMinute.text(exclusion.minutes.upperBound))"
            note(
                "exclusion",
                "\(place): \(Counted.text(exclusion.minutes.count, "minute")), \(span), \(exclusion.code), \(exclusion.approval): \(exclusion.reason)"
                    + (!isWithin ? ", which are none of a promise that is here" : isAgreed ? "" : ", which the contract does not leave out"),
                isWithin && isAgreed)
        }
        let strays = (bundle.contracts.map(\.promise) + bundle.maintenance.map(\.promise)).filter { id in !bundle.promises.contains { $0.id == id } }
        if !strays.isEmpty { note("contract", "there is a contract or maintenance of nothing that is promised here", false) }
    }

    /// What a contract leaves out of maintenance follows from what was announced.
    private mutating func checkMaintenance(_ promise: EvidencePromise, _ bundle: EvidenceBundle) -> [Range<Int64>] {
        let place = "\(promise.model) in \(promise.region)"
        let planned = bundle.maintenance.filter { $0.promise == promise.id }.map(\.planned)
        let contracts = bundle.contracts.filter { $0.promise == promise.id }
        guard contracts.count == 1, let contract = contracts.first, contract.covers(promise, bundle.month) else {
            note("contract", "\(place) has not one contract that covers its minutes", false)
            return []
        }
        guard let rules = contract.maintenance else {
            if !planned.isEmpty { note("maintenance", "\(place): counts like any other time by its contract", true) }
            return []
        }
        let accepted = rules.accepted(planned, in: contract.month, clock: contract.clock)
        for window in planned { note("maintenance", "\(place): \(rules.text(of: window, in: contract))", true) }
        if !planned.isEmpty {
            let minutes = accepted.reduce(0) { $0 + $1.count }
            let verb = minutes == 1 ? "is" : "are"
            note(
                "maintenance",
                "\(place): \(Counted.text(minutes, "minute")) of \(contract.month.count) \(verb) left out, of at most \(rules.monthlyMinutes)", true)
        }
        return accepted
    }

    private mutating func checkPromise(_ promise: EvidencePromise, _ bundle: EvidenceBundle) {
        let place = "\(promise.model) in \(promise.region)"
        let terms = bundle.terms.filter { $0.id == promise.terms }
        let overlaps = bundle.promises.count { other in
            other.id == promise.id || (other.model == promise.model && other.region == promise.region && other.minutes.overlaps(promise.minutes))
        }
        guard terms.count == 1, let terms = terms.first, overlaps == 1, promise.isWithin(bundle.month) else {
            return note("terms", "\(place) has not one set of terms for each minute of this month", false)
        }
        let why = promise.partial.isEmpty ? "" : ", \(promise.partial)"
        let span = "\(UTCMinute.text(promise.minutes.lowerBound)) to \(UTCMinute.text(promise.minutes.upperBound))"
        note("promise", "\(place): \(terms.id) for \(span), \(bundle.month) in \(promise.zone)\(why)", true)
        let maintenance = bundle.isJudged && terms.pays ? checkMaintenance(promise, bundle) : []
        let stretches = bundle.parts.map(\.stretch).filter { promise.covers($0.series) }
        let outcome = MonthOutcome(
            stretches, terms: terms, in: promise.minutes, corrections: bundle.corrections(of: promise),
            excluding: MinuteGaps.merged(
                bundle.exclusions.filter { $0.promise == promise.id }.map(\.minutes) + maintenance, within: promise.minutes),
            probes: bundle.probes.filter { $0.promise == promise.id })
        note("uptime", "\(place): \(outcome.uptimeText(terms))", true)
        if let latency = terms.latency { note("latency", "\(place): \(outcome.latencyText(latency))", true) }
        checkCredit(promise, outcome, bundle)
    }

    /// The newest version is the one that counts.
    private mutating func checkCredit(_ promise: EvidencePromise, _ outcome: MonthOutcome, _ bundle: EvidenceBundle) {
        let place = "\(promise.model) in \(promise.region)"
        guard let credit = bundle.credits.filter({ $0.promise == promise.id }).max(by: { $0.version < $1.version }) else {
            let isOwed = outcome.percent > Ratio(0, 1)
            let words =
                isOwed
                ? "\(outcome.percent.shortDecimal(places: 4)) % of the fee follow, but no credit is recorded" : "none follows, none is recorded"
            return note("credit", "\(place): \(words)", !isOwed)
        }
        let cents = EvidenceCredit.cents(of: credit.base, percent: outcome.percent)
        let isRight =
            credit.model == promise.model && credit.region == promise.region && credit.eligible == outcome.eligible && credit.bad == outcome.bad
            && credit.percent == outcome.percent && Int128(credit.cents) == cents
        let fee = Rating.text(credit.base, places: 12)
        note(
            "credit",
            "\(place): \(outcome.percent.shortDecimal(places: 4)) % of USD \(fee) is USD \(Rating.text(cents, places: 2))"
                + (isRight
                    ? ", as recorded in version \(credit.version)"
                    : ", but version \(credit.version) records USD \(Rating.text(Int128(credit.cents), places: 2)) for \(credit.bad) bad of \(Counted.text(credit.eligible, "minute"))"),
            isRight)
        checkRoots(credit, promise, bundle)
    }

    /// What a credit says that it was computed from is what is here.
    private mutating func checkRoots(_ credit: EvidenceCredit, _ promise: EvidencePromise, _ bundle: EvidenceBundle) {
        let place = "\(promise.model) in \(promise.region), version \(credit.version)"
        guard credit.roots.isComplete else {
            return note("evidence", "\(place) was computed before the leaves were complete; its figures are those of the complete ones", true)
        }
        let needed = EvidenceSpan.parts(of: bundle.month, covering: [promise.minutes]).map(\.month)
        let isSame = roots.filter { needed.contains($0.month) } == credit.roots.trees
        note("evidence", "\(place) was computed from \(isSame ? "these leaves" : "other leaves than these: \(credit.roots.text)")", isSame)
    }

    private static func series(_ tree: EvidenceBundle.Tree) -> [(EvidenceSeries, [EvidenceBundle.Part])] {
        Dictionary(grouping: tree.parts, by: \.stretch.series).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

extension MonthOutcome {
    fileprivate func uptimeText(_ terms: EvidenceTerms) -> String {
        guard let uptime else { return "no minute counts; \(excluded) excluded" }
        let verdict = uptime < terms.credit.objective ? "below" : "at or above"
        return "\(good) good of \(Counted.text(eligible, "minute")) (\(bad) bad, \(unmeasured) of them unmeasured, \(excluded) excluded) is "
            + "\((uptime * Ratio(100, 1)).decimal(places: 4)) %, \(verdict) \((terms.credit.objective * Ratio(100, 1)).shortDecimal(places: 4)) %"
    }

    fileprivate func latencyText(_ latency: EvidenceTerms.Latency) -> String {
        "\(firstTokens.over) of \(firstTokens.samples) first tokens later than \(latency.threshold) us, p95 above it for \(Counted.text(slowHours, "hour")) in a row, "
            + "\(latencyPercent) % of the fee"
    }
}

extension EvidenceBundle {
    fileprivate var parts: [Part] { trees.flatMap(\.parts) }

    fileprivate var isJudged: Bool { version == Self.version }

    fileprivate func contract(of promise: String) -> EvidenceContract? { contracts.first { $0.promise == promise } }

    fileprivate func corrections(of promise: EvidencePromise) -> [Int64: LeafCounts] {
        var found: [Int64: LeafCounts] = [:]
        for leaf in corrections.sorted(by: { $0.number < $1.number }).map(\.leaf)
        where leaf.tenant == tenant && leaf.model == promise.model && leaf.region == promise.region {
            found[leaf.minute] = LeafCounts(leaf)
        }
        return found
    }
}

extension EvidenceContract {
    /// The contract's month is the one of the bundle as its zone has it, an hour shorter or longer where clocks are changed, and nothing is promised outside it.
    fileprivate func covers(_ promise: EvidencePromise, _ bundled: BillingPeriod) -> Bool {
        let whole = EvidencePromise(id: "", model: "", region: "", terms: "", zone: promise.zone, minutes: month)
        return promise.minutes.clamped(to: month) == promise.minutes && whole.isWithin(bundled) && abs(month.count - bundled.minutes.count) <= 60
    }
}

extension MaintenanceRules {
    fileprivate func text(of planned: PlannedMaintenance, in contract: EvidenceContract) -> String {
        let ahead = (planned.starts - planned.announced) / 60_000_000
        let isInTime = Maintenance.isAnnouncedInTime(announced: planned.announced, windowStart: planned.starts, leadSeconds: leadSeconds)
        let agreed = window.map { ", agreed \($0.text)" } ?? ""
        return "\(UTCMinute.text(planned.minutes.lowerBound)) to \(UTCMinute.text(planned.minutes.upperBound)), announced \(ahead) minutes ahead, "
            + "\(isInTime ? "in time" : "too late, \(leadSeconds / 60) were agreed")\(agreed): \(planned.reason)"
    }
}

extension MaintenanceRules.AgreedWindow {
    fileprivate var text: String {
        func clock(_ minute: Int) -> String { "\(minute / 600)\(minute / 60 % 10):\(minute % 60 / 10)\(minute % 10)" }
        return "\(clock(from)) to \(clock(until))\(weekday.map { " on day \($0) of the week" } ?? "")"
    }
}
