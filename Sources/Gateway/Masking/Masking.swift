import Domain

/// What is done about secrets and personal data in a customer's prompts before a host sees them.
struct Masking: Sendable {
    /// What is looked for.
    let scope: SensitiveScope
    /// False: the customer is warned alone.
    let replaces: Bool

    /// Nil: nothing.
    ///
    /// - Parameter name: `warn`, `secrets`, `personal` or `all`, as tables spell it.
    init?(_ name: String?) {
        switch name {
        case "warn": (scope, replaces) = (.secrets, false)
        case "secrets": (scope, replaces) = (.secrets, true)
        case "personal": (scope, replaces) = (.personal, true)
        case "all": (scope, replaces) = (.all, true)
        default: return nil
        }
    }
}
