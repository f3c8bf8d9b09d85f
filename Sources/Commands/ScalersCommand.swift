import ArgumentParser

enum Scalers: AdminKind {
    static let path = "scalers"
    static let noun = "scaler"
    static let columns: [AdminColumn] = ["name", "url", "model", "region", "most_workers", "state"]
    static let filters: [KindFilter] = ["model", "region", KindFilter("state", "active or paused")]
    static let fields: [KindField] = [
        .required("name", "lower-case letters, digits, dots, dashes, underscores", changeable: false),
        .required("url", "https, or http to the control plane's own machine"),
        .required("secret_file", "on the control plane's machines: the key that requests are signed with"),
        .optional("model", "without one it is asked for workers of any model"),
        .optional("region", "without one it is asked for workers in any region"),
        .optional("most_workers", "it is asked for no more at once; 4", form: .json),
        .later("state", "active or paused: asked for nothing new"),
    ]
}

enum CapacityOrders: AdminKind {
    static let path = "capacity-orders"
    static let noun = "capacity order"
    static let columns: [AdminColumn] = [
        "created_at", "scaler", "event", "model", "region", "workers", "state", "attempts", "last_error", "mitigation", "id",
    ]
    static let filters: [KindFilter] = [KindFilter("state", "pending, delivered, refused, dead or dropped"), "mitigation"]
}

struct ScalersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scalers", abstract: "Programs of yours that start and end workers when the policy asks.",
        subcommands: [
            ListVerb<Scalers>.self, GetVerb<Scalers>.self, CreateVerb<Scalers>.self, UpdateVerb<Scalers>.self, DeleteVerb<Scalers>.self,
        ])
}

struct CapacityOrdersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capacity-orders", abstract: "What scalers were asked for, and what they would not take.",
        subcommands: [ListVerb<CapacityOrders>.self, RetryCapacityOrder.self])
}

/// `plimsoll capacity-orders retry ID`
struct RetryCapacityOrder: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "retry", abstract: "Sends one again.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Its id.") var id: String

    func run() async throws {
        try await CommandFailure.reporting {
            options.show(try await options.client().change("POST", "\(CapacityOrders.path)/\(AdminClient.escape(id))/retry"))
        }
    }
}
