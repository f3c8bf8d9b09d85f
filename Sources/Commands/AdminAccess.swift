import FoundationEssentials
import Glibc
import HTTPWire
import Program

/// Where the admin API is and with which token it is asked.
struct AdminAccess: Sendable {
    var url: String
    /// Nil: what is asked is public.
    var token: AdminToken?

    /// The profile that the arguments name; else `PLIMSOLL_ADMIN_URL` and `PLIMSOLL_ADMIN_TOKEN`; else the profile that `PLIMSOLL_PROFILE`
    /// names; else the profile `default`. `docs/command-line.md` describes them.
    static func find(profile: String?, environment: [String: String]) throws(CommandFailure) -> AdminAccess {
        let (url, token) = (environment["PLIMSOLL_ADMIN_URL"], environment["PLIMSOLL_ADMIN_TOKEN"])
        if profile == nil, let url, let token { return try AdminAccess(checked: url, token) }
        if profile == nil, url != nil || token != nil {
            throw CommandFailure(.usage, "PLIMSOLL_ADMIN_\(url == nil ? "URL" : "TOKEN") is not set, and one is of no use without the other")
        }
        let folder = environment["XDG_CONFIG_HOME"] ?? "\(environment["HOME"] ?? "")/.config"
        return try read("\(folder)/plimsoll/profiles.json", name: profile ?? environment["PLIMSOLL_PROFILE"] ?? "default")
    }

    private static func read(_ path: String, name: String) throws(CommandFailure) -> AdminAccess {
        var status = stat()
        guard stat(path, &status) == 0, let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw CommandFailure(.usage, "set PLIMSOLL_ADMIN_URL and PLIMSOLL_ADMIN_TOKEN, or write profiles into \(path)")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw CommandFailure(.usage, "others on this machine may read \(path), which has tokens in it: chmod 600 \(path)")
        }
        let document: JSONValue
        do {
            document = try JSONValue.parse(Array(data))
        } catch {
            throw CommandFailure(.usage, "\(path): \(error.message)", cause: error)
        }
        guard let url = document[name]?["url"]?.string, let token = document[name]?["token"]?.string else {
            let known = document.object?.names.joined(separator: ", ") ?? ""
            throw CommandFailure(.usage, "\(path) has no profile '\(name)' with url and token; there are: \(known.isEmpty ? "none" : known)")
        }
        return try AdminAccess(checked: url, token)
    }

    init(url: String, token: String) {
        self.url = url
        self.token = AdminToken(token)
    }

    /// Of public pages.
    init(open url: String) throws(CommandFailure) {
        self.url = try Self.check(url)
        token = nil
    }

    private init(checked url: String, _ token: String) throws(CommandFailure) {
        self.init(url: try Self.check(url), token: token)
    }

    private static func check(_ url: String) throws(CommandFailure) -> String {
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else { throw CommandFailure(.usage, "'\(url)' is no http or https address") }
        return url.hasSuffix("/") ? String(url.dropLast()) : url
    }
}

/// An administrator's token. It is never printed.
struct AdminToken: Sendable, CustomStringConvertible, CustomReflectable {
    private let text: String

    init(_ text: String) {
        self.text = text
    }

    /// The value of the `authorization` header.
    var authorization: String { "Bearer \(text)" }

    var description: String { "<redacted>" }
    var customMirror: Mirror { Mirror(self, children: [:] as KeyValuePairs<String, Any>) }
}
