import Domain
import FoundationEssentials

/// The text of an addendum, made from the terms that credits are computed by, so that what is signed is what is paid.
enum Addendum {
    /// - Parameter agreed: What one agreement adds to the terms; nil: the text is of the terms alone.
    static func markdown(_ terms: TermsVersion, agreed: AgreedFacts? = nil) -> String {
        let parties = agreed.map { ["## Agreement\n\n" + $0.markdown(terms)] } ?? []
        return ([heading(terms)] + parties + sections(terms)).joined(separator: "\n\n") + "\n"
    }

    /// As the API tells it.
    static func document(_ terms: TermsVersion, _ markdown: String) -> String {
        "{\"terms\":\"\(terms.id.uuidString.lowercased())\",\"name\":\(AdminJSON.string(terms.name)),\"version\":\(terms.version),"
            + "\"markdown\":\(AdminJSON.string(markdown))}"
    }

    private static func heading(_ terms: TermsVersion) -> String {
        """
        # Service level addendum: \(terms.title)

        Terms `\(terms.name)`, version \(terms.version). Service: managed LLM inference API with OpenAI-compatible endpoint, tier `\(terms.tier)`\
        \(terms.model.map { ", model `\($0)`" } ?? "")\(terms.region.map { ", region `\($0)`" } ?? "").
        """
    }

    private static func sections(_ terms: TermsVersion) -> [String] {
        [
            "## Definitions\n\n" + definitions(terms), "## Objectives\n\n" + objectives(terms), "## Service credits\n\n" + credits(terms),
            "## Fallback\n\n" + fallback(terms), "## Exclusions\n\n" + exclusions(terms), "## Maintenance\n\n" + maintenance(terms),
            "## Reporting\n\n" + reporting(terms),
            "## Termination and remedy\n\n" + remedy(terms), "## Review\n\n" + review(terms),
        ]
    }

    private static func definitions(_ terms: TermsVersion) -> String {
        let rule =
            terms.badAbovePpm.map { "more than \(percent($0)) of the requests in it that count have failed" }
            ?? "any request in it that counts has failed"
        return """
            - A month is a calendar month in the time zone \(terms.timeZone); a minute belongs to the month in which it begins.
            - A request has failed when it was answered with a server error, when its stream was broken by the provider, when it ended without an answer, or \
            when it was refused although it was inside the agreed quota and burst.
            - A minute is bad when \(rule). A minute without requests is judged by the provider's probes; a minute of which nothing is known is bad.
            - Monthly uptime is the share of minutes that are not bad among the minutes that are not excluded.
            - Latency is judged by the 95th percentile by nearest rank of the time from acceptance to the first token, over hours of at least \
            \(LatencyEpisodes.minimumSamples) requests; hours with fewer are judged by the probes of the region, and an hour with too few of both \
            interrupts consecutive hours.
            """
    }

    private static func objectives(_ terms: TermsVersion) -> String {
        """
        - Availability: \(percent(terms.availabilityPpm)) monthly uptime.
        - Time to first token: 95th percentile of requests in the region not above \(seconds(terms.firstTokenThreshold)).
        - Time to last token: 95th percentile not above \(seconds(terms.lastTokenThreshold)) at \(terms.lastTokenTokens) generated tokens.
        """
    }

    private static func credits(_ terms: TermsVersion) -> String {
        let step = percent(terms.stepPpm)
        let availability =
            if let table = terms.table {
                (table.sorted { $0.belowPpm > $1.belowPpm }.map {
                    "- \($0.percent) % of the monthly fee when uptime is below \(percent($0.belowPpm))."
                } + (table.count > 1 ? ["- Where uptime is below several of these the lowest of them counts, alone."] : [])).joined(separator: "\n")
            } else {
                switch terms.counting {
                case .started: "- \(terms.stepPercent) % of the monthly fee for each \(step) below the objective, or part of it."
                case .full: "- \(terms.stepPercent) % of the monthly fee for each full \(step) below the objective."
                case .prorata: "- \(terms.stepPercent) % of the monthly fee for each \(step) below the objective, and in proportion for a part of it."
                }
            }
        return """
            \(availability)
            - \(terms.latencyPercent) % of the monthly fee when the time to first token was above its objective for \
            \(LatencyEpisodes.creditHours) consecutive hours, starting at any minute, \(terms.latencyPerEpisode ? "for each such time" : "once a month"). \
            Hours that lie in one month count for it: of a time that goes on over the end of a month each month has the whole hours in it, and they are not \
            added up across its end.
            - All credits of a month together: at most \(terms.capPercent) % of the monthly fee.
            - The monthly fee is the agreed minimum or the charges for the service in the month, whichever is more, net of tax and earlier credits. Of a \
            month that is covered in part, the minutes of that part count, and of the agreed minimum as much as they are of the month.
            - Credits are computed by the provider from the fourth day of the next month on and need not be claimed. They are set against the next invoice; \
            what is left is carried on. They may be disputed for \(Counted.text(terms.disputeDays, "day")).
            """
    }

    private static func fallback(_ terms: TermsVersion) -> String {
        guard let fallback = terms.fallback else { return "- Requests are answered by the model that they ask for, and by no other." }
        return """
            - When the objectives are missed or about to be missed, requests may be answered by the smaller model `\(fallback.model)`, whose quality is: \
            \(fallback.quality). Each such answer names it in `x-plimsoll-served-model` and is charged at its price.
            """
    }

    private static func exclusions(_ terms: TermsVersion) -> String {
        let texts = [
            "customer_network": "Failures of the customer's network.", "over_quota": "Requests above the agreed quota or burst.",
            "force_majeure": "Force majeure, approved by two named persons of the provider and published.",
            "scheduled_maintenance": "Scheduled maintenance as set out below.", "over_limit": "Prompts above the limits of the tier.",
            "misuse": "Misuse and prohibited content.",
        ]
        let listed = terms.exclusions.map { "- \(texts[$0] ?? $0) (`\($0)`)" }
        let burst = terms.burstPercent > 0 ? "\n- The agreed burst is \(terms.burstPercent) % above the quota of a minute." : ""
        return (listed.isEmpty ? "- None." : listed.joined(separator: "\n")) + burst
    }

    private static func maintenance(_ terms: TermsVersion) -> String {
        guard terms.exclusions.contains("scheduled_maintenance") else { return "- Maintenance counts like any other time." }
        return """
            - Announced at least \(Counted.text(terms.maintenanceLeadHours, "hour")) ahead, inside the window agreed with the customer, and at most \
            \(Counted.text(terms.maintenanceMonthMinutes, "minute")) a month. Maintenance beyond that counts like any other time.
            """
    }

    private static func reporting(_ terms: TermsVersion) -> String {
        """
        - The provider publishes status and historical charts of these indicators.
        - The customer may request incident data and the evidence of every minute, and may check each credit with it.
        - Terms are agreed only where the provider's evidence of the last \(Counted.text(terms.evidenceDays, "day")) supports them, or where two named persons of \
        the provider other than who asked have approved that, with the reason on record.
        """
    }

    private static func remedy(_ terms: TermsVersion) -> String {
        let sole =
            terms.isSoleRemedy
            ? "Service credits are the sole remedy for breaches of this addendum unless a separate agreement says otherwise."
            : "Service credits do not limit other remedies."
        return
            "- Either party may terminate on \(Counted.possessive(terms.terminationDays, "day")) notice.\n- \(sole)"
    }

    private static func review(_ terms: TermsVersion) -> String {
        guard let counsel = terms.counsel, let day = terms.reviewedOn else {
            return "- **Not reviewed by counsel.** Have this wording reviewed before it is used in a contract."
        }
        return "- Reviewed by \(counsel) on \(day)."
    }

    private static func percent(_ ppm: Int64) -> String { TermsProof.percent(ppm) }

    private static func seconds(_ microseconds: Int64) -> String { Ratio(microseconds, 1_000_000).shortDecimal(places: 6) + " s" }
}
