/// What a piece of text gives away.
package enum SensitiveKind: Hashable, Sendable, CustomStringConvertible {
    /// By the name of its rule.
    case secret(String)
    case email
    case bankAccount
    case paymentCard
    case phone
    /// Of a house.
    case address

    package var isSecret: Bool {
        if case .secret = self { return true }
        return false
    }

    /// For placeholders and metrics: letters, digits and dashes.
    package var description: String {
        switch self {
        case .secret(let rule): rule
        case .email: "email"
        case .bankAccount: "iban"
        case .paymentCard: "card"
        case .phone: "phone"
        case .address: "address"
        }
    }
}

/// A piece of text that must not be told.
package struct SensitiveFinding: Equatable, Sendable {
    package var kind: SensitiveKind
    /// Offsets in bytes.
    package var range: Range<Int>
}

/// What to look for.
package struct SensitiveScope: OptionSet, Sendable, Hashable {
    package let rawValue: Int

    package init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// Keys, tokens, passwords.
    package static let secrets = SensitiveScope(rawValue: 1)
    /// E-mail addresses, accounts, cards, telephone numbers, addresses of East Asia.
    package static let personal = SensitiveScope(rawValue: 2)
    package static let all: SensitiveScope = [.secrets, .personal]
}
