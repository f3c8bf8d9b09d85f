import Domain
import FoundationEssentials
package import PlimsollWire

/// A month of a tenant as one page to hand out: charts, incidents, what was left out, credits with their arithmetic, and how to check it all.
package struct TenantMonthPage: Sendable {
    private let month: TenantMonth
    private let downloads: [(title: String, path: String)]

    /// - Parameter downloads: What can be had beside it, with addresses relative to its own.
    package init(_ month: TenantMonth, downloads: [(title: String, path: String)] = []) {
        self.month = month
        self.downloads = downloads
    }

    package var html: String { page.text }

    private var page: HTML {
        let title = "\(month.displayName), \(Self.monthName(month.month))"
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">\
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">\
            <title>\(title)</title><meta name="color-scheme" content="light dark"><link rel="icon" href="data:,"><style>\(StatusStyle.sheet)</style></head>
            <body><a class="skip" href="#content">Skip to content</a><header><h1>\(title)</h1><p class="meta">Plan \(month.tier) · \(reach)</p>\(links)</header>
            <main id="content">\(forgotten)\(series)\(incidents)\(leftOut)\(credits)\(evidence)</main>
            <footer><p>All times are UTC; a month is the one of UTC where no zone is named. A minute is bad as agreed by the rule of your contract, or without one when any of its requests failed by our fault; of all \
            minutes the rule of the objective counts too, whichever is stricter. When nobody asked a minute is bad if every probe failed; a minute of which \
            nothing is known is unmeasured and never counts as good. An incident can be felt in several spells: the minutes between them do not count.</p>\
            </footer></body></html>
            """
    }

    private var reach: String {
        month.complete ? "the whole month" : "measured up to \(Self.moment(month.until)), the month is not complete"
    }

    private var forgotten: HTML? {
        guard !month.countsKept else { return nil }
        return """
            <p class="card quiet">How many requests there were in this month and how long they took is not kept any more. Minutes, days, credits and \
            evidence are as they were.</p>
            """
    }

    private var links: HTML? {
        guard !downloads.isEmpty else { return nil }
        let items: [HTML] = downloads.map { "<li><a href=\"\($0.path)\" download>\($0.title)</a></li>" }
        return "<nav aria-label=\"Downloads\"><ul class=\"downloads\">\(items)</ul></nav>"
    }

    // MARK: What was measured

    private var series: [HTML] {
        if month.series.isEmpty {
            return [
                month.complete
                    ? "<p class=\"card quiet\">Nothing was used or subscribed to in this month.</p>"
                    : "<p class=\"card quiet\">Nothing is measured yet of what you use or have subscribed to in this month. A minute counts a quarter of an hour after it began.</p>"
            ]
        }
        return month.series.enumerated().map { index, series in
            """
            <section aria-labelledby="s\(index)"><h2 id="s\(index)">\(series.model) <span class="region">\(series.region)</span></h2>\
            <article class="card">\(Self.figures(series, isCounted: month.countsKept))\(Self.covered(series))\(Self.contracts(series))\(Self.history(series))</article>\
            <article class="card"><h3>By day</h3><div class="charts">\(Self.charts(series))</div></article>\
            \(series.budget.map(Self.budget))</section>
            """
        }
    }

    private static func figures(_ series: TenantMonth.Series, isCounted: Bool) -> HTML {
        let requests = series.requests
        let uptimes = [("Uptime as agreed", uptime(series.promiseView)), ("Uptime, all minutes", uptime(series.objectiveView))]
        let delivered = series.batch.map(batch) ?? []
        guard isCounted else { return figures(uptimes + delivered) }
        let counts: [(String, String)] = [
            ("Requests answered", ShareText.count(requests.good)), ("Requests failed", ShareText.count(requests.bad)),
            ("First token, p95", time(series.firstToken.p95Microseconds)), ("Last of 256 tokens, p95", time(series.lastToken256.p95Microseconds)),
            ("Last of 512 tokens, p95", time(series.lastToken512.p95Microseconds)), ("Waited for a worker, p95", time(series.queue.p95Microseconds)),
            ("Streams that broke", ShareText.count(requests.brokenStreams)), ("You hung up", ShareText.count(requests.disconnects)),
            ("Refused above your limits", ShareText.count(requests.refusedAboveQuota)),
            ("Tokens in and out", "\(ShareText.count(requests.promptTokens)) / \(ShareText.count(requests.completionTokens))"),
        ]
        let told = series.retrieval.map(retrieval) ?? []
        return figures(uptimes + counts + told + delivered)
    }

    private static func figures(_ all: [(String, String)]) -> HTML {
        "<dl class=\"figures\">\(all.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" as HTML })</dl>"
    }

    private static func batch(_ told: TenantMonth.Batch) -> [(String, String)] {
        let share = ShareText.uptime(Ratio(told.inTime, told.requests)) ?? "no data"
        return [
            ("Batch answers by their deadline", "\(share) (\(ShareText.count(told.inTime)) of \(ShareText.count(told.requests)))"),
            ("Batch answers later", ShareText.count(told.late)), ("Batch requests failed", ShareText.count(told.failed)),
        ]
    }

    private static func retrieval(_ told: TenantMonth.Retrieval) -> [(String, String)] {
        let all: [(String, TenantMonth.Times)] = [
            ("Your retrieval", told.time), ("Retrieval and first token", told.withFirstToken), ("Retrieval and answer", told.withAnswer),
        ]
        return all.flatMap { [("\($0), p50", time($1.p50Microseconds)), ("\($0), p95", time($1.p95Microseconds))] }
    }

    /// Where it was not subscribed all the time.
    private static func covered(_ series: TenantMonth.Series) -> HTML? {
        guard series.covered.count > 1 else { return nil }
        let spans = series.covered.map { "\(moment($0.from)) to \(moment($0.until))" }
        return "<p class=\"sum\">Subscribed from \(spans.joined(separator: "; from ")). What lies between is in no figure.</p>"
    }

    /// The month that a credit speaks of, where it is not the one of this page.
    private static func contracts(_ series: TenantMonth.Series) -> [HTML] {
        series.contractMonths.map { contract in
            """
            <p class="sum">As your contract has this month, in \(contract.timeZone) (\(moment(contract.from)) to \(moment(contract.until))): \
            uptime \(uptime(contract.minutes)), \(Counted.text(contract.minutes.bad + contract.minutes.badIdle + contract.minutes.unmeasured, "bad minute")). \
            Credits are computed from that.</p>
            """
        }
    }

    private static func history(_ series: TenantMonth.Series) -> HTML {
        let days = series.days.map(period)
        let latency = series.firstToken
        let late =
            "\(ShareText.count(latency.over)) of \(ShareText.count(latency.samples)) first tokens came later than \(time(latency.thresholdMicroseconds))"
        return """
            \(StatusCharts.history(days, "\(series.model) in \(series.region), by day"))\
            <p class="scale"><span>\(series.days.first?.day ?? "")</span><span>\(series.days.last?.day ?? "")</span></p>\
            <p class="sum">\(StatusCharts.summary(days)). \(late).</p>\
            \(StatusCharts.days(days, "Days of \(series.model), \(series.region), that were not all good"))
            """
    }

    private static func charts(_ series: TenantMonth.Series) -> [HTML] {
        let days = series.days
        let own: [(StatusCharts.Lines, [[Int64?]])] = [
            (
                StatusCharts.Lines(
                    title: "Time to last token", unit: { ShareText.seconds(microseconds: $0) },
                    series: [("of 256, p95", { _ in nil }), ("of 512, p95", { _ in nil })], least: 1_000_000),
                [days.map(\.lastToken256P95Microseconds), days.map(\.lastToken512P95Microseconds)]
            ),
            (
                StatusCharts.Lines(
                    title: "Wait for a worker", unit: { ShareText.seconds(microseconds: $0) }, series: [("p95", { _ in nil })], least: 100_000),
                [days.map(\.queueP95Microseconds)]
            ),
            (
                StatusCharts.Lines(
                    title: "Requests", unit: { ShareText.count($0) }, series: [("answered", { _ in nil }), ("failed", { _ in nil })], least: 10),
                [days.map { $0.good }, days.map { $0.bad }]
            ),
        ]
        let periods = days.map(period)
        return StatusCharts.lines.map { StatusCharts.chart($0, periods, over: "by day") } + own.map { StatusCharts.chart($0.0, $0.1, over: "by day") }
    }

    private static func period(_ day: TenantMonth.Day) -> StatusPeriod {
        let (minutes, counted) = (day.minutes, day.good + day.bad)
        let all = counted + day.excluded
        return StatusPeriod(
            start: (try? Date("\(day.day)T00:00:00Z", strategy: .iso8601)) ?? .distantPast, good: minutes.good + minutes.goodIdle,
            bad: minutes.bad + minutes.badIdle, excluded: minutes.excluded, unmeasured: minutes.unmeasured,
            failedPpm: counted == 0 ? nil : day.bad * 1_000_000 / counted, limitedPpm: all == 0 ? nil : day.refused * 1_000_000 / all,
            firstTokenP50: day.firstTokenP50Microseconds, firstTokenP95: day.firstTokenP95Microseconds)
    }

    private static func budget(_ budget: TenantMonth.Budget) -> HTML {
        let causes = budget.causes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let rows: [HTML] = causes.map { "<tr><td>\(cause($0.key))</td><td class=\"number\">\(ShareText.count($0.value))</td></tr>" }
        let share = budget.allowedMinutes > 0 ? " (\(ShareText.percent(ppm: budget.badMinutes * 1_000_000 / budget.allowedMinutes)))" : ""
        let width = budget.allowedMinutes > 0 ? min(240, budget.badMinutes * 240 / budget.allowedMinutes) : 240
        let told =
            "\(ShareText.count(budget.badMinutes)) of \(ShareText.count(budget.allowedMinutes)) \(Counted.noun(budget.allowedMinutes, "minute")) that "
            + "\(ShareText.percent(ppm: budget.targetPpm)) of the month allow \(budget.badMinutes == 1 ? "is" : "are") spent\(share)"
        let whose = budget.isOfTier ? "Causes of bad minutes of all customers of the plan" : "Causes of your bad minutes"
        let forecast = budget.hoursLeft.map { " At the pace of the last hour nothing of it is left in \($0) \($0 == "1" ? "hour" : "hours")." } ?? ""
        let table: HTML? =
            rows.isEmpty
            ? nil : "<table><caption class=\"told\">\(whose)</caption><tr><th>Cause</th><th class=\"number\">Minutes</th></tr>\(rows)</table>"
        return """
            <article class="card"><h3>Error budget</h3><svg class="history" viewBox="0 0 240 12" preserveAspectRatio="none" role="img" aria-label="\(told)">\
            <rect class="n" x="0" y="0" width="240" height="12"/><rect class="b" x="0" y="0" width="\(width)" height="12"/></svg>\
            <p class="sum">\(told).\(forecast)</p>\(table)</article>
            """
    }
}

extension TenantMonthPage {
    // MARK: What happened

    private var incidents: HTML {
        let rows: [HTML] = month.incidents.map { window in
            let place = [window.model, window.region].filter { !$0.isEmpty }.joined(separator: ", ")
            return """
                <tr><td>\(window.number)</td><td>\(Self.rule(window.rule))<br><span class="region">\(place.isEmpty ? "everything" : place)</span></td>\
                <td>\(Self.moment(window.impactFrom)) – \(window.impactUntil.map(Self.moment) ?? "now")</td>\
                <td class="number">\(ShareText.count(window.feltMinutes))</td><td class="number">\(ShareText.count(window.badMinutes))</td>\
                <td class="number">\(ShareText.count(window.requestsBad))</td></tr>
                """
        }
        return Self.section(
            "Incidents that touched you", "incidents",
            rows.isEmpty
                ? nil
                : """
                <table><tr><th>No.</th><th>What</th><th>Felt</th><th class="number">Minutes felt</th><th class="number">Minutes with failures of yours</th>\
                <th class="number">Your failed requests</th></tr>\(rows)</table>
                """, empty: "None in this month.")
    }

    private var leftOut: HTML {
        let work: [HTML] = month.maintenance.map { work in
            """
            <tr><td>Maintenance: \(work.title)</td><td>\(Self.place(work.model, work.region))</td>\
            <td>\(Self.moment(work.startsAt)) – \(Self.moment(work.endsAt))<br><span class="region">announced \(Self.moment(work.announcedAt))</span></td></tr>
            """
        }
        let other: [HTML] = month.exclusions.map { exclusion in
            """
            <tr><td>\(Self.cause(exclusion.code)): \(exclusion.reason)</td><td>\(Self.place(exclusion.model, exclusion.region))</td>\
            <td>\(Self.moment(exclusion.startsAt)) – \(Self.moment(exclusion.endsAt))</td></tr>
            """
        }
        let rows = work + other
        return Self.section(
            "Maintenance and exclusions", "left-out",
            rows.isEmpty ? nil : "<table><tr><th>What</th><th>Where</th><th>When</th></tr>\(rows)</table>", empty: "Nothing was left out.")
    }

    // MARK: What follows

    private var credits: HTML {
        let cards: [HTML] = month.credits.map { credit in
            let steps: [HTML] = Self.steps(credit).map { "<li>\($0)</li>" }
            return """
                <article class="card"><div class="top-line"><h3>\(credit.model) <span class="region">\(credit.region)</span></h3>\
                <span class="state">\(Self.money(credit))</span></div><p class="meta">Version \(credit.version) · \(Self.cause(credit.status))</p><ol>\(steps)</ol></article>
                """
        }
        let none: HTML =
            month.complete
            ? "<p class=\"card quiet\">No credit was computed: there was no agreement, or its month is not settled yet.</p>"
            : "<p class=\"card quiet\">Credits are computed when the month is over.</p>"
        return "<section aria-labelledby=\"credits\"><h2 id=\"credits\">Credits</h2>\(cards)\(cards.isEmpty ? none : nil)</section>"
    }

    /// The arithmetic in words, a step each.
    private static func steps(_ credit: TenantMonth.Credit) -> [String] {
        let sums = credit.arithmetic
        var steps: [String] = []
        if let minutes = sums.minutes {
            let bad = minutes.bad + minutes.badIdle + minutes.unmeasured
            steps.append(
                "\(ShareText.count(minutes.covered)) \(Counted.noun(minutes.covered, "minute")) agreed, \(ShareText.count(minutes.excluded)) left out, \(ShareText.count(bad)) of the other "
                    + "\(ShareText.count(minutes.eligible)) bad (\(ShareText.count(minutes.unmeasured)) of them unmeasured)")
        }
        if let availability = sums.availability {
            let uptime = availability.uptime.flatMap(share) ?? "not known"
            steps.append("uptime \(uptime), promised \(share(availability.objective) ?? ""): \(plain(availability.percent)) % of the fee")
        }
        if let latency = sums.latency {
            steps.append(
                "first token late for at most \(Counted.text(latency.longestRunHours, "hour")) on end, \(latency.consecutiveHoursNeeded) are needed: \(latency.percent) % of the fee"
            )
        }
        if let fee = sums.fee {
            steps.append(
                "fee: the greater of the minimum, USD \(amount(fee.minimumUsd)), and charges, USD \(amount(fee.chargesUsd)): USD \(amount(fee.baseUsd))"
            )
        }
        if let total = sums.totalPercent, let cap = sums.capPercent {
            steps.append("together \(plain(total)) %, at most \(cap) %: \(money(credit))")
        }
        return steps
    }

    private var evidence: HTML {
        let verify: HTML = """
            <p class="sum">You need not believe this page. Ask for the month's evidence, or have it fetched, and check it offline:</p>\
            <pre>plimsoll evidence bundle \(month.name) \(month.month) --to \(month.name)-\(month.month).evidence
            plimsoll verify \(month.name)-\(month.month).evidence --key KEY</pre>\
            <p class="sum">KEY is the verifier key that you keep, from /evidence/v1/key. It computes uptime, latency and credit again from every minute.</p>
            """
        guard let tree = month.evidence else {
            return Self.section("Evidence", "evidence", nil, empty: "No minute of this month has been closed yet.")
        }
        return """
            <section aria-labelledby="evidence"><h2 id="evidence">Evidence</h2><article class="card"><dl><dt>Minutes in the tree</dt>\
            <dd>\(ShareText.count(tree.leaves))\(tree.complete ? ", the whole month" : ", up to \(Self.moment(tree.closedUntil))")</dd>\
            <dt>Root (SHA-256)</dt><dd>\(tree.root)</dd></dl>\(verify)</article></section>
            """
    }

    private static func section(_ title: String, _ id: String, _ content: HTML?, empty: String) -> HTML {
        let body: HTML = content.map { "<div class=\"card wide\" tabindex=\"0\">\($0)</div>" } ?? "<p class=\"card quiet\">\(empty)</p>"
        return "<section aria-labelledby=\"\(id)\"><h2 id=\"\(id)\">\(title)</h2>\(body)</section>"
    }
}

extension TenantMonthPage {
    private static func uptime(_ minutes: TenantMonth.Minutes) -> String {
        minutes.uptime.flatMap { share([$0.numerator, $0.denominator]) } ?? "not measured"
    }

    /// Such as 99.98 %.
    private static func share(_ ratio: [Int64]) -> String? {
        ratio.count == 2 && ratio[1] > 0 ? ShareText.uptime(Ratio(ratio[0], ratio[1])) : nil
    }

    private static func plain(_ ratio: [Int64]) -> String {
        ratio.count == 2 && ratio[1] > 0 ? Ratio(ratio[0], ratio[1]).shortDecimal(places: 4) : ""
    }

    private static func time(_ microseconds: Int64?) -> String { microseconds.map { ShareText.seconds(microseconds: $0) } ?? "no data" }

    private static func money(_ credit: TenantMonth.Credit) -> String {
        "\(credit.currency) \(ShareText.count(credit.amountCents / 100)).\(credit.amountCents % 100 < 10 ? "0" : "")\(credit.amountCents % 100)"
    }

    /// Without zeros at the end, but with cents.
    private static func amount(_ text: String) -> String {
        guard let point = text.firstIndex(of: ".") else { return text }
        var fraction = text[text.index(after: point)...]
        while fraction.count > 2, fraction.hasSuffix("0") { fraction = fraction.dropLast() }
        return "\(text[..<point]).\(fraction)"
    }

    /// Codes as words.
    private static func cause(_ code: String) -> String {
        code.prefix(1).uppercased() + code.dropFirst().map { $0 == "_" ? " " : String($0) }.joined()
    }

    private static func rule(_ rule: String) -> String { cause(rule) }

    private static func place(_ model: String?, _ region: String?) -> String {
        [model, region].compactMap(\.self).joined(separator: ", ").isEmpty
            ? "everything" : [model, region].compactMap(\.self).joined(separator: ", ")
    }

    /// A minute or an instant of the API, such as `2030-01-31T12:00Z`, for people.
    private static func moment(_ text: String) -> String {
        let whole = text.count == 17 ? text.dropLast() + ":00Z" : text[...]
        guard let date = try? Date(String(whole), strategy: .iso8601) else { return text }
        return "\(Moment.day(date)), \(Moment.clock(date))"
    }

    private static func monthName(_ month: String) -> String {
        (try? Date("\(month)-01T00:00:00Z", strategy: .iso8601)).map { String(Moment.day($0).dropFirst(2)) } ?? month
    }
}
