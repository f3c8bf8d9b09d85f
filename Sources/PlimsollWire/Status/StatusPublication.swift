package import FoundationEssentials

/// The status page as a gateway serves it: documents that the control plane has rendered, so that a gateway needs no templates and can go on
/// serving them without it.
package struct StatusPublication: Sendable, Codable, Equatable {
    /// Seconds without news after which nothing live in it counts.
    package static let freshSeconds: Int64 = 300

    /// Of the snapshot that it was made from.
    package var version: Int64
    package var generatedAt: Date
    package var documents: [StatusDocument]

    package init(version: Int64, generatedAt: Date, documents: [StatusDocument]) {
        self.version = version
        self.generatedAt = generatedAt
        self.documents = documents
    }
}

package struct StatusDocument: Sendable, Codable, Equatable {
    /// Such as `/status` or `/api/v2/summary.json`; without a slash at its end.
    package var path: String
    package var contentType: String
    /// While there is news.
    package var live: String
    /// When there has been none for `freshSeconds`: whatever was live in it is told as unmeasured. Nil: nothing in it is.
    package var stale: String?

    package init(path: String, contentType: String, live: String, stale: String? = nil) {
        self.path = path
        self.contentType = contentType
        self.live = live
        self.stale = stale
    }

    package func body(ageSeconds: Int64) -> String {
        ageSeconds >= StatusPublication.freshSeconds ? stale ?? live : live
    }
}

/// Header names of the status page's answers, lower case.
package enum StatusHeader {
    /// Seconds since the page's snapshot was made.
    package static let age = "x-plimsoll-status-age"
}
