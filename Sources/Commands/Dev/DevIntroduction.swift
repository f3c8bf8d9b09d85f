import FoundationEssentials
import Glibc
import Outbound

/// What a person is told once an installation is ready: a question with its answer, addresses and keys. For the terminal, never for a log.
struct DevIntroduction {
    let layout: DevLayout
    /// Name of the model that customers ask for.
    let model: String

    /// - Parameter took: from the start until it was ready.
    func show(took: Duration) async throws {
        let keys = DevEnvironment.parse(PrivateFile.read(layout.keysFile) ?? "")
        try await showAnswer(DevQuestion(url: layout.url, key: keys["pro"] ?? "", model: model), took: took)
        DevReport.line(
            """

            base URL      \(layout.url)/v1
            model         \(model)
            key, hobby    \(keys["hobby"] ?? "-")
            key, pro      \(keys["pro"] ?? "-")
            key, business \(keys["business"] ?? "-")
            admin API     \(layout.adminURL)/admin/v1
            status page   \(layout.url)/status
            public log    \(layout.publicURL)/evidence/v1/checkpoint
            variables     \(layout.environmentFile)
            logs          \(layout.state)/logs

            curl \(layout.url)/v1/chat/completions -H 'Authorization: Bearer \(keys["pro"] ?? "-")' \\
              -H 'Content-Type: application/json' -d '{"model":"\(model)","messages":[{"role":"user","content":"Hello"}]}'

            \(drill)
            """)
    }

    /// How to see the promise kept.
    var drill: String {
        """
        lose a provider under load and watch: incident, mitigation and its end, status page, budget
        . \(layout.environmentFile); \(layout.program("plimsoll")) \(Self.drillWords.joined(separator: " "))
        """
    }

    static let drillWords = ["drill", "provider-loss", "--compress", "--load", "4"]

    /// One question that a person can watch being answered. The installation is ready, whatever becomes of it.
    private func showAnswer(_ question: DevQuestion, took: Duration) async throws {
        let text = "In one sentence: what is a Plimsoll line?"
        DevReport.line("\n> \(text)")
        do {
            let answer = try await question.ask(text, client: OutboundClient(), maxTokens: 64) { piece in
                let bytes = Array(piece.utf8)
                // The answer is shown, not kept; a closed terminal does not matter.
                _ = write(STDOUT_FILENO, bytes, bytes.count)
            }
            let first = answer.firstToken.map { "\(Self.milliseconds($0)) ms" } ?? "-"
            let rate = answer.rate.map { "\(Int($0 * 10) / 10) tokens/s" } ?? "-"
            DevReport.line("\n\nTTFT \(first), \(rate), \(answer.tokens) tokens; ready after \(Self.milliseconds(took)) ms")
        } catch {
            try Task.checkCancellation()
            DevReport.line("\n\nthis answer was cut (\(error)); ready after \(Self.milliseconds(took)) ms")
        }
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        Int(duration / .milliseconds(1))
    }
}
