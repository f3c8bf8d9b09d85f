import Domain
import HTTPWire

/// Burn rules as alert policies of OpenSLO v1, which have one condition each. Other rules than those that are shipped do not exist here, so a document
/// that asks for others is not taken for one that asks for these.
struct OpenSLOAlerts {
    /// A rule of a budget of 30 days, as documents write it.
    private struct Rule {
        let name: String
        let severity: String
        let threshold: String
        let minutes: Int64

        init(_ rule: BurnRule) {
            name = "burn-\(rule.longSeconds / 3_600)h"
            severity = rule.severity.rawValue
            threshold = rule.threshold(periodSeconds: 30 * 86_400).shortDecimal(places: 3)
            minutes = rule.longSeconds / 60
        }
    }

    private static let rules = BurnRule.shipped.map(Rule.init)
    private static let target = "page-channels"
    /// What stood for all of them in documents of earlier releases.
    private static let all = "burn"

    /// References of an SLO that raises burn alerts.
    static let references = rules.map { "{\"alertPolicyRef\":\"\($0.name)\"}" }.joined(separator: ",")

    /// What the references name, and whom it tells.
    static let documents: [String] =
        [
            "{\"apiVersion\":\"openslo/v1\",\"kind\":\"AlertNotificationTarget\",\"metadata\":{\"name\":\"\(target)\"},"
                + "\"spec\":{\"target\":\"plimsoll\",\"description\":\"Channels of pages, by the severity that they hear of\"}}"
        ]
        + rules.map { rule in
            "{\"apiVersion\":\"openslo/v1\",\"kind\":\"AlertPolicy\",\"metadata\":{\"name\":\"\(rule.name)\"},\"spec\":{\"alertWhenBreaching\":true,"
                + "\"alertWhenResolved\":true,\"alertWhenNoData\":false,\"conditions\":[{\"kind\":\"AlertCondition\",\"metadata\":{\"name\":\"\(rule.name)\"},"
                + "\"spec\":{\"severity\":\"\(rule.severity)\",\"condition\":{\"kind\":\"burnrate\",\"op\":\"gt\",\"threshold\":\(rule.threshold),"
                + "\"lookbackWindow\":\"\(rule.minutes)m\",\"alertAfter\":\"0m\"}}}],\"notificationTargets\":[{\"targetRef\":\"\(target)\"}]}}"
        }

    private var policies: [String: JSONValue] = [:]
    private var conditions: [String: JSONValue] = [:]

    /// - Parameter documents: All that come together, in which references are looked up.
    init(_ documents: [JSONValue]) {
        for document in documents {
            guard let name = document["metadata"]?["name"]?.string else { continue }
            switch document["kind"]?.string {
            case "AlertPolicy": policies[name] = document["spec"]
            case "AlertCondition": conditions[name] = document["spec"]
            default: continue
            }
        }
    }

    /// Whether an SLO with these policies raises burn alerts.
    ///
    /// - Parameter items: Of its `alertPolicies`.
    func raises(_ items: [JSONValue]) throws(ImportFault) -> Bool {
        guard !items.isEmpty else { return false }
        var found: Set<String> = []
        for (index, item) in items.enumerated() {
            guard let names = ruleNames(item) else {
                throw ImportFault(
                    place: "spec.alertPolicies.\(index)",
                    message: "must be one of the burn rules of this service, as they are exported: there are no others")
            }
            found.formUnion(names)
        }
        let missing = Self.rules.map(\.name).filter { !found.contains($0) }
        guard missing.isEmpty else {
            throw ImportFault(
                place: "spec.alertPolicies",
                message:
                    "must be all burn rules of this service or none; \(missing.joined(separator: ", ")) \(missing.count == 1 ? "is" : "are") missing")
        }
        return true
    }

    /// A reference, or a policy in its place. Nil: it is none of ours.
    private func ruleNames(_ item: JSONValue) -> [String]? {
        guard let name = item.string ?? item["alertPolicyRef"]?.string else { return item["spec"].flatMap(ruleNames(of:)) }
        guard item.string != nil || item.object?.names == ["alertPolicyRef"] else { return nil }
        if let policy = policies[name] { return ruleNames(of: policy) }
        return name == Self.all ? Self.rules.map(\.name) : Self.rules.contains { $0.name == name } ? [name] : nil
    }

    private func ruleNames(of policy: JSONValue) -> [String]? {
        guard policy["alertWhenBreaching"]?.bool ?? true, !(policy["alertWhenNoData"]?.bool ?? false), let items = policy["conditions"]?.array,
            !items.isEmpty
        else { return nil }
        let names = items.map { item in (item["conditionRef"]?.string).map { conditions[$0] } ?? item["spec"] }.map { $0.flatMap(Self.ruleName) }
        return names.contains(nil) ? nil : names.compactMap(\.self)
    }

    private static func ruleName(_ spec: JSONValue) -> String? {
        guard let condition = spec["condition"], condition["kind"]?.string ?? "burnrate" == "burnrate", condition["op"]?.string == "gt",
            let threshold = condition["threshold"]?.double, let minutes = condition["lookbackWindow"]?.string.flatMap(minutes),
            condition["alertAfter"]?.string.flatMap(Self.minutes) ?? 0 == 0
        else { return nil }
        return rules.first {
            $0.severity == spec["severity"]?.string && $0.minutes == minutes && abs((Double($0.threshold) ?? 0) - threshold) < 0.001
        }?.name
    }

    /// Of a `duration-shorthand`.
    private static func minutes(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["m": 1, "h": 60, "d": 1_440]
        guard let unit = text.last.flatMap({ units[$0] }), let number = Int64(text.dropLast()), (0...100_000).contains(number) else { return nil }
        return number * unit
    }
}
