import Migrations
package import Postgres

/// The schema that this control plane works with.
package enum Schema {
    package static let migrations = Migrations.all.map { MigrationFile(name: $0.name, sql: $0.sql) }
}
