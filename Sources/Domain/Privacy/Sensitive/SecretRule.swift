/// How one kind of secret looks.
package struct SecretRule: Sendable, Equatable {
    package var name: String
    /// In lower case; a text without any of them is not looked at further.
    var keywords: [String]
    /// Bits of entropy a byte that the secret must have; less is a placeholder.
    var entropy: Double
    /// Its outermost group, where it has one, is the secret.
    var expression: String

    /// All rules that this release knows, in order of their names.
    package static let all: [SecretRule] = SecretRuleText.read(gitleaksFirst + "\n" + gitleaksSecond + "\n" + own)

    /// Where gitleaks needs a file's path or hundreds of words that are no secrets, and what it does not know.
    private static let own = #"""
        plimsoll-key plain 0 pls_live_,pls_test_,pls_adm_ \b(pls_(?:live|test|adm)_[0-9A-Za-z]{36})\b
        plimsoll-join-token plain 0 jt1. \b(jt1\.[0-9a-f]{32}\.[\w-]{43}\.[\w-]{43})
        private-key-start plain 0 -----begin
          |(?i)-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,200}?(?:[a-z0-9+/=]{32,}(?:\s|\\[nr]){0,4})+
        authorization-header plain 2.5 authorization,bearer,basic
          |(?i)\b(?:authorization|bearer|basic)\b["']?[ \t]{0,3}[:=]?[ \t]{0,3}["']?(?:(?:bearer|basic|token)[ \t]{1,3})?([\w=~@.+/-]{16,})
        x-api-key-header plain 2.5 x-api-key,api-key,x-auth-token
          |(?i)\b(?:x-)?(?:api-key|auth-token)\b["']?[ \t]{0,3}[:=][ \t]{0,3}["']?([\w=~@.+/-]{16,})
        url-password plain 0 :// \b[a-z][a-z0-9+.-]{1,20}://[^\s/:@"']{0,100}:([^\s/@"']{3,200})@
        curl-user plain 2 curl \bcurl\b[^\n]{0,500}?[ \t](?:-u|--user)(?:=|[ \t]{0,5})["']?([^\s"':]{3,}:[^\s"']{3,}|:[^\s"']{3,}|[^\s"':]{3,}:)
        generic-secret assigned 3.5 access,api,auth,credential,creds,key,passwd,password,secret,token
          |access|auth|(?-i:[Aa]pi|API)|credential|creds|key|passw(?:or)?d|secret|token ~ [\w.=-]{10,150}|[a-z0-9][a-z0-9+/]{11,}={0,3}
        """#
}

/// The notation of rules: one a line, `name form entropy keywords expression`, with long expressions on lines of their own that begin with
/// two spaces and a bar.
///
/// - `plain`: the expression as it stands.
/// - `token`: a secret that can be told by its own form; a word boundary in front and an end behind are added.
/// - `assigned`: `name ~ secret`, for secrets that can be told by the name that they are assigned to only; `cased`: with the secret's case.
enum SecretRuleText {
    private static let end = #"(?:[\x60'"\s;]|\\[nr]|$)"#
    private static let gap = #"(?:[ \t\w.-]{0,20})[\s'"]{0,3}"#
    private static let sign = #"(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}"#

    static func read(_ text: String) -> [SecretRule] {
        var rules: [(head: [Substring], body: String)] = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("  |") {
                guard let last = rules.indices.last else { continue }
                rules[last].body += line.dropFirst(3)
            } else {
                let parts = line.split(separator: " ", maxSplits: 4)
                rules.append((Array(parts.prefix(4)), parts.count > 4 ? String(parts[4]) : ""))
            }
        }
        return rules.compactMap { rule($0.head, $0.body) }.sorted { $0.name < $1.name }
    }

    private static func rule(_ head: [Substring], _ body: String) -> SecretRule? {
        guard head.count == 4, let entropy = Double(head[2]), let expression = expression(String(head[1]), body) else { return nil }
        return SecretRule(name: String(head[0]), keywords: head[3].split(separator: ",").map(String.init), entropy: entropy, expression: expression)
    }

    private static func expression(_ form: String, _ body: String) -> String? {
        switch form {
        case "plain": return body
        case "token": return #"\b("# + body + ")" + end
        case "assigned", "cased":
            guard let cut = body.firstRange(of: " ~ ") else { return nil }
            let (name, secret) = (body[..<cut.lowerBound], body[cut.upperBound...])
            return form == "assigned"
                ? #"(?i)[\w.-]{0,50}?(?:"# + name + ")" + gap + sign + "(" + secret + ")" + end
                : #"(?i:[\w.-]{0,50}?(?:"# + name + ")" + gap + ")" + sign + "(" + secret + ")" + end
        default: return nil
        }
    }
}
