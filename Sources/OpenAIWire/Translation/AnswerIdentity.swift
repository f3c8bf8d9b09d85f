/// What a translated answer calls itself.
package struct AnswerIdentity: Sendable {
    /// The request's id without its dashes: what ids of the answer and its parts are made of.
    package let id: String
    /// The customer's name of the model.
    package let model: String
    package let createdSeconds: Int64

    package init(requestId: String, model: String, createdSeconds: Int64) {
        id = requestId.filter { $0 != "-" }
        self.model = model
        self.createdSeconds = createdSeconds
    }
}
