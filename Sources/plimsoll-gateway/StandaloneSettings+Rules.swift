import Domain
import PlimsollWire
import Program

/// Rules on prompts and addresses: what a control plane would have checked before it stored them is checked here.
extension StandaloneSettings {
    static func rules(_ reader: SettingsReader, tenants: Set<String>) -> [RuleEntry] {
        let readers = reader.objects("rules")
        let rules = readers.map { rule($0, tenants) }
        for name in Set(rules.map(\.id)) where rules.count(where: { $0.id == name }) > 1 {
            reader.fault("rules", "name \(name.debugDescription) twice")
        }
        for (tenant, together) in Dictionary(grouping: rules.filter { $0.kind != .address }, by: \.tenant) {
            let patterns = together.map(pattern)
            guard patterns.allSatisfy({ (try? $0.validate()) != nil }), (try? PatternSet(patterns)) == nil else { continue }
            reader.fault("rules", "those of \(tenant.map { "tenant \($0.debugDescription)" } ?? "all tenants") are too large together")
        }
        return rules
    }

    private static func rule(_ reader: SettingsReader, _ tenants: Set<String>) -> RuleEntry {
        let rule = RuleEntry(
            id: reader.string("name"), tenant: reader.optionalString("tenant"), kind: reader.choice("kind", default: RuleEntry.Kind.literal),
            pattern: reader.string("pattern"), caseSensitive: reader.bool("case_sensitive", default: false),
            action: reader.choice("action", default: RuleEntry.Action.refuse), message: reader.optionalString("message"))
        if let tenant = rule.tenant, !tenants.contains(tenant) { reader.fault("tenant", "is the tenant of no key of this file") }
        guard !rule.pattern.isEmpty else { return rule }
        if rule.kind == .address {
            if AddressRange(rule.pattern) == nil { reader.fault("pattern", "must be an address or a range such as 192.0.2.0/24 or 2001:db8::/32") }
            if rule.action != .refuse { reader.fault("action", "must be refuse for addresses") }
            return rule
        }
        do throws(PatternFault) {
            try pattern(rule).validate()
        } catch {
            reader.fault("pattern", "\(error.message) (character \(error.offset + 1))")
        }
        return rule
    }

    private static func pattern(_ rule: RuleEntry) -> Pattern {
        Pattern(rule.kind == .literal ? .literal : .expression, rule.pattern, ignoresCase: !rule.caseSensitive)
    }

    /// From where a key may be used, and what of its prompts no host sees.
    static func readProtection(_ reader: SettingsReader, _ key: inout KeyEntry) {
        if reader.has("allowed_addresses") {
            let names = reader.strings("allowed_addresses")
            for name in names where AddressRange(name) == nil {
                reader.fault("allowed_addresses", "\(name.debugDescription) is no address or range such as 192.0.2.0/24")
            }
            key.allowedAddresses = names
        }
        key.masking = reader.has("masking") ? reader.choice("masking", default: StandaloneMasking.none).rawValue : nil
    }

    private enum StandaloneMasking: String, CaseIterable {
        case none, warn, secrets, personal, all
    }
}
