import ArgumentParser

enum Releases: AdminKind {
    static let path = "releases"
    static let noun = "release"
    static let columns: [AdminColumn] = ["name", "model", "quantisation", "dialects", "weight_ppm", "state"]
    static let filters: [KindFilter] = ["model", KindFilter("state", "active or retired")]
    static let fields: [KindField] = [
        .required("name", "letters, digits and . _ : / @ -", changeable: false),
        .required("model", changeable: false),
        .optional("weights_digest", "sha256: and 64 hexadecimal digits"),
        .optional("quantisation"),
        .optional("image_digest", "sha256: and 64 hexadecimal digits"),
        .optional("dialects", "list of llamacpp and vllm; empty: all", form: .json),
        .optional("min_context_tokens", form: .json),
        .optional("min_memory_bytes", form: .json),
        .optional("min_vram_bytes", form: .json),
        .optional("min_disk_bytes", form: .json),
        .optional("min_compute_capability", "such as 8.6"),
        .later("state", "active or retired"),
    ]
}

struct ReleasesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "releases", abstract: "Weights and images behind a model.",
        subcommands: [
            ListVerb<Releases>.self, GetVerb<Releases>.self, CreateVerb<Releases>.self, UpdateVerb<Releases>.self, DeleteVerb<Releases>.self,
        ])
}
