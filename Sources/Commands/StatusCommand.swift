import ArgumentParser
import HTTPWire

enum StatusPosts: AdminKind {
    static let path = "status-posts"
    static let noun = "status post"
    static let columns: [AdminColumn] = ["id", "kind", "title", "impact", "began_at", "published_at", "vetoed_at"]
    static let filters: [KindFilter] = [KindFilter("kind", "incident or maintenance")]
    static let fields: [KindField] = [
        .required("kind", "incident or maintenance", changeable: false),
        .required("title", "names no provider, pool, host or gateway", changeable: false),
        .required("body", "the first update", changeable: false),
        .optional("impact", "none, minor, major or critical", changeable: false),
        .optional("status", "investigating, identified, monitoring, resolved; scheduled, in_progress, verifying, completed", changeable: false),
        .optional("model", "none: all", changeable: false),
        .optional("region", "none: all", changeable: false),
        .optional("began_at", "an instant; none: now", changeable: false),
        .optional("ends_at", "of maintenance", changeable: false),
        .optional("publish_at", "a draft until then; none: published at once", changeable: false),
    ]
}

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "What the public status page tells.",
        discussion: "Incidents and maintenance windows publish themselves. What was published is never changed: it is corrected in the open.",
        subcommands: [
            ShowStatusCommand.self, ListVerb<StatusPosts>.self, PostStatusCommand.self, UpdateStatusCommand.self, CorrectStatusCommand.self,
            VetoStatusCommand.self, PublishStatusCommand.self, ConfigureStatusCommand.self,
        ])
}

/// `plimsoll status show`, `plimsoll status show ID`
struct ShowStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows the page's settings, or one post with its updates.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id of a post.") var post: String?

    func run() async throws {
        try await CommandFailure.reporting {
            let path = post.map { "status-posts/\(AdminClient.escape($0))" } ?? "status-page"
            print(JSONPrinter.pretty(try await options.client().get(path)))
        }
    }
}

/// `plimsoll status post kind=incident title=… body=…`
struct PostStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "post", abstract: "Publishes an incident or maintenance by hand.", discussion: KindHelp.creation(StatusPosts.self))

    @OptionGroup var options: AdminOptions
    @Argument(help: "Fields as name=value.") var fields: [String]

    func validate() throws {
        try FieldAssignment.parse(fields).check(StatusPosts.fields.map(\.name), "field of a status post")
    }

    func run() async throws {
        try await CommandFailure.reporting {
            options.show(
                try await options.client().create(StatusPosts.self, FieldAssignment.document(try FieldAssignment.parse(fields), StatusPosts.fields)))
        }
    }
}

/// `plimsoll status update ID --status monitoring "The fix holds."`
struct UpdateStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "update", abstract: "Tells how a post goes on.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id of the post.") var post: String
    @Argument(help: "What the public is told.") var body: String
    @Option(help: "Where it stands now, such as monitoring or resolved.") var status: String

    func run() async throws {
        try await StatusChange.send(options, post, "updates", .members(("status", .string(status)), ("body", .string(body))))
    }
}

/// `plimsoll status correct ID "It was 9 %, not 4 %."`
struct CorrectStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "correct", abstract: "Corrects an update; the mistaken one stays readable, struck through.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id of the post.") var post: String
    @Argument(help: "What is true.") var body: String
    @Option(help: "Id of the mistaken update; none: the last one.") var update: String?

    func run() async throws {
        let members = update.map { JSONValue.members(("update", .string($0)), ("body", .string(body))) } ?? .members(("body", .string(body)))
        try await StatusChange.send(options, post, "correct", members)
    }
}

/// `plimsoll status veto ID --reason "nobody noticed"`
struct VetoStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "veto", abstract: "Keeps a draft from publishing itself.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id of the post.") var post: String
    @Option(help: "Why, for the record.") var reason: String

    func run() async throws {
        try await StatusChange.send(options, post, "veto", .members(("reason", .string(reason))))
    }
}

/// `plimsoll status publish ID`
struct PublishStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Publishes a draft before its time, or in spite of a veto.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id of the post.") var post: String

    func run() async throws {
        try await StatusChange.send(options, post, "publish", .object(JSONObject()))
    }
}

/// `plimsoll status configure name=… support_contact=…`
struct ConfigureStatusCommand: AsyncParsableCommand {
    static let fields: [KindField] = [
        .optional("name", "of the page"), .optional("url", "where it is found"), .optional("support_contact", "mail address or link"),
        .optional("support_hours"), .optional("region", "whose public name is region_name"), .optional("region_name"),
    ]
    static let configuration = CommandConfiguration(
        commandName: "configure", abstract: "Sets the page's name, address and support.",
        discussion: "Fields: " + fields.map(\.name).joined(separator: ", ") + ".")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Fields as name=value.") var fields: [String]

    func validate() throws {
        try FieldAssignment.parse(fields).check(Self.fields.map(\.name), "field of the status page")
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let body = FieldAssignment.document(try FieldAssignment.parse(fields), Self.fields)
            options.show(try await options.client().change("PATCH", "status-page", body))
        }
    }
}

private enum StatusChange {
    static func send(_ options: AdminOptions, _ post: String, _ verb: String, _ body: JSONValue) async throws {
        try await CommandFailure.reporting {
            options.show(try await options.client().change("POST", "status-posts/\(AdminClient.escape(post))/\(verb)", body))
        }
    }
}
