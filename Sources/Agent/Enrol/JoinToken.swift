import Cryptography
import FoundationEssentials

/// A one-use invitation: `jt1.<id>.<secret>.<pin>`. Only the pin is used on this side; the whole text goes to the control plane, once its
/// authority has proven to be the pinned one. Printing it shows nothing.
package struct JoinToken: Sendable {
    /// The token as it was given; secret.
    let text: String
    /// SHA-256 of the root authority's SubjectPublicKeyInfo.
    let pin: SHA256Digest

    package init(_ text: String) throws(AgentError) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "jt1", parts[1].count == 32, Hex.decode(parts[1]) != nil else {
            throw AgentError(.badToken, "the join token is not of the form jt1.<id>.<secret>.<pin>; it may have been cut when it was copied")
        }
        guard let secret = Base64.decodeURL(parts[2]), secret.count == 32, let pin = Base64.decodeURL(parts[3]) else {
            throw AgentError(.badToken, "the join token is damaged; it may have been cut when it was copied")
        }
        guard let digest = SHA256Digest(bytes: pin) else { throw AgentError(.badToken, "the join token's pin is damaged") }
        self.text = text
        self.pin = digest
    }
}

extension JoinToken: CustomStringConvertible, CustomReflectable {
    package var description: String { "<join token>" }
    package var customMirror: Mirror { Mirror(self, children: [:] as KeyValuePairs<String, Any>, displayStyle: .struct) }
}
