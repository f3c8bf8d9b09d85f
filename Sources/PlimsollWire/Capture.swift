/// A tenant's wish that some of its requests be kept for it to look at.
package struct CaptureEntry: Sendable, Codable, Equatable {
    package var id: String
    package var tenant: String
    /// Nil: all keys of the tenant.
    package var key: String?
    /// Nil: every model.
    package var models: [String]?
    package var expiresAtSeconds: Int64
    /// Requests in all.
    package var limit: Int

    package init(id: String, tenant: String, key: String?, models: [String]?, expiresAtSeconds: Int64, limit: Int) {
        self.id = id
        self.tenant = tenant
        self.key = key
        self.models = models
        self.expiresAtSeconds = expiresAtSeconds
        self.limit = limit
    }
}

/// What the holder of a key asks about captures; the gateway has proven the key and passes the rest on.
package struct CaptureCall: Sendable, Codable, Equatable {
    package enum Action: String, Sendable, Codable {
        case create
        case list
        case show
        case records
        case erase
    }

    package var action: Action
    package var tenant: String
    package var key: String
    /// Of the capture; nil where the action is about none or all.
    package var capture: String?
    /// JSON of the customer's, unread.
    package var body: String
    /// What stands behind the `?` of the customer's target, unread.
    package var query: String?
    package var requestId: String

    package init(action: Action, tenant: String, key: String, capture: String?, body: String, query: String? = nil, requestId: String) {
        self.action = action
        self.tenant = tenant
        self.key = key
        self.capture = capture
        self.body = body
        self.query = query
        self.requestId = requestId
    }
}

/// The answer for the customer, as it is to be sent.
package struct CaptureAnswer: Sendable, Codable, Equatable {
    package var status: Int
    /// JSON.
    package var body: String

    package init(status: Int, body: String) {
        self.status = status
        self.body = body
    }
}

/// One request and its answer, with secrets and personal data taken out.
package struct CaptureRecord: Sendable, Codable, Equatable {
    package var capture: String
    package var requestId: String
    package var key: String
    /// Empty where the request was refused before it was known.
    package var model: String
    /// Microseconds since 1970.
    package var acceptedAt: Int64
    package var status: Int
    /// JSON of the request as it went to the model, without what policy put in or took out; empty where it was refused and is no JSON.
    package var request: String
    /// JSON of an answer in one piece, or the text of a stream.
    package var answer: String
    /// Something was too long and was cut.
    package var isCut: Bool
    /// How long both were before that, as they passed; nil from gateways that do not say it.
    package var requestBytes: Int?
    package var answerBytes: Int?

    package init(
        capture: String, requestId: String, key: String, model: String, acceptedAt: Int64, status: Int, request: String, answer: String, isCut: Bool,
        requestBytes: Int? = nil, answerBytes: Int? = nil
    ) {
        self.capture = capture
        self.requestId = requestId
        self.key = key
        self.model = model
        self.acceptedAt = acceptedAt
        self.status = status
        self.request = request
        self.answer = answer
        self.isCut = isCut
        self.requestBytes = requestBytes
        self.answerBytes = answerBytes
    }
}

package struct CaptureBatch: Sendable, Codable {
    package var records: [CaptureRecord]

    package init(records: [CaptureRecord]) {
        self.records = records
    }
}
