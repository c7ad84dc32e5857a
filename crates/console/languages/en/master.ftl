### Pages of operators.

visit-of = { $staff } acts as <b>{ $member }</b> ({ $email }) in <b>{ $place }</b>. The member's own rights apply. Owners of the company see the visit in their activity log.
visit-ends = <time datetime="{ $iso }">{ $time }</time>, in { $minutes } min
operation-pause = <b>{ $pause }</b> writers waited while the data was handed over
ends-at = Ends at
back-to-the-company = Back to the company
operations = Operations
refresh = Refresh
step-progress = Progress of the step
try-again-now = Try again now
cancel-and-undo = Cancel and undo
abandon = Abandon…
print-this-page = Print this page with your browser.
what = What
where = Where
amount = Amount
proof = Proof
need-never-yet = never yet
need-last-on = last on { $at }
need-backup-overdue = Backups of schedule { $schedule } are overdue
need-backups-failed =
    { $count ->
        [one] { $count } backup failed in the last day
       *[other] { $count } backups failed in the last day
    }
need-backups-damaged =
    { $count ->
        [one] { $count } backup is damaged
       *[other] { $count } backups are damaged
    }
need-backups-damaged-help = Take new ones.
need-without-backup =
    { $count ->
        [one] { $count } company has no good backup
       *[other] { $count } companies have no good backup
    }
need-drill-overdue = The restore drill is overdue
need-drill-failed = The last restore drill failed
need-schema-behind =
    { $count ->
        [one] { $count } database is behind the apps
       *[other] { $count } databases are behind the apps
    }
need-schema-behind-help = Requests for them are refused until they are migrated.
need-schema-ahead =
    { $count ->
        [one] { $count } database was migrated by newer apps
       *[other] { $count } databases were migrated by newer apps
    }
need-schema-ahead-help = Update the apps of this server.
need-schema-refused = A migration of store { $store } is refused
need-schema-refused-help =
    { $count ->
        [one] { $count } row does not fit it.
       *[other] { $count } rows do not fit it.
    } Run: { $command }
need-maintenance = { $tenant } is closed for maintenance
need-misplaced =
    { $count ->
        [one] 1 company of plan { $plan } is on a server that does not fit it
       *[other] { $count } companies of plan { $plan } are on servers that do not fit it
    }
need-misplaced-help = Move all of them: { $command }
need-no-server = No server fits plan { $plan }
need-no-server-help = No company can begin on it. Give a server its labels in tenantry.toml, or change the plan.
need-suspended =
    { $count ->
        [one] { $count } company is suspended
       *[other] { $count } companies are suspended
    }
need-closing = { $tenant } closes soon
need-purge =
    { $count ->
        [one] The retention of { $count } company is over
       *[other] The retention of { $count } companies is over
    }
need-stuck = Stuck: { $name }
need-failed = Failed and undone: { $name }
need-orphans =
    { $count ->
        [one] { $count } file or place is without a counterpart
       *[other] { $count } files or places are without a counterpart
    }
need-disk = The disk of server { $server } is nearly full
bytes-free = { $bytes } free
need-unreachable = Server { $server } does not answer
need-unreachable-help = Requests of companies on it are refused.
need-attachment = The attached database of { $tenant } fails: { $what }
need-attachment-help = Only its requests there are refused. See: tenantry attachments list
need-background = Background work fails: { $name }
need-background-help =
    { $count ->
        [one] { $count } time in a row; see the log
       *[other] { $count } times in a row; see the log
    }
need-mail =
    { $count ->
        [one] { $count } letter could not be sent
       *[other] { $count } letters could not be sent
    }
need-mail-help = See { $path }
look = Look
show-them = Show them
open-it = Open it
decide = Decide
see-why = See why
home-nothing-waits = Nothing waits for an operator.
home-waits =
    { $count ->
        [one] { $count } thing waits for an operator.
       *[other] { $count } things wait for an operator.
    }
active-companies = Active companies
on-plan = On plan { $plan }
server-silent = does not answer
places-count =
    { $count ->
        [one] { $count } place
       *[other] { $count } places
    }
backup-old = old
visit-over = Your support visit is over. Enter the company again if you need to.
done-visit-ended = You have left the company.
done-company-created = The company is created.
done-suspended = The company is suspended. Nobody can enter it.
done-resumed = The company is open again.
done-maintenance = The company is closed for maintenance.
done-maintenance-over = The maintenance is over.
done-plan = The subscription is changed.
done-renamed = The company has another short name. The former one stays reserved.
done-settings = The settings are saved.
done-company-cancelled = The company is cancelled. The dates are below.
done-kept = The cancellation is revoked.
done-databases = All its databases are there.
done-migrated = Its databases are at the schema of the apps.
done-released = The retained databases are released.
done-discarded = The staged restore is discarded.
restore-staged-since = Backup { $backup } is staged since { $at }. Nothing is changed yet.
never = never
audit-by = by { $actor }
where-it-is = Where it is
the-end = End
step-waits = waits
step-now = runs now
step-done = done
step-undoing = is being undone
step-undone = undone
hint-stuck = It failed repeatedly. Mend the cause and try again, or cancel it.
hint-resting = A server tries it again by itself.
milliseconds = { $ms } ms
audit-in-fact = in fact { $actor }
audit-intact =
    { $count ->
        [one] The chain is intact: { $count } row was compared, up to number { $last }.
       *[other] The chain is intact: { $count } rows were compared, up to number { $last }.
    }
audit-broken = The log is not intact, in { $faults } of { $count } rows: { $first }
backups-inside-data-dir = They are inside the data directory: a lost disk takes them with it.
backups-stored-in = Stored in { $target }.
tenant-in-store = tenant { $tenant } in { $store }
tenant-id = tenant { $tenant }
minutes =
    { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
enter-expired = Its subscription has ended, so no member can enter, and neither can you.
enter-no-members = It has no members. Give it an owner first.
enter-not-active = It is not active, so no member can enter, and neither can you.
enter-title = Enter { $name }
certificate-row = Row of the audit log
certificate-hash = Hash of that row
days-left =
    { $count ->
        [one] { $count } day left
       *[other] { $count } days left
    }
rows-count =
    { $count ->
        [one] { $count } row
       *[other] { $count } rows
    }
swap-lost = the database in use is lost
swap-counts = { $added } come back, { $changed } change, { $removed } go
maintenance-end-title = End the maintenance of { $name }
move-noticed = Its members work on meanwhile. Writes wait for some milliseconds at the end, and every row is compared.
store-on-server = { $store } on { $server }
move-to = To
move-on = On
fate-removed = is removed
fate-stays = stays
fate-not-removed = could not be removed
purge-early-help = The retention is over on { $until }.
restore-no-backup = There is no good backup of this company. Take one first.
restore-staged-already = A restore is staged already. Swap it in, or discard it first.
swap-warning = What was written since the backup is not in it. The data in use now is retained, and the swap can be undone.
swap-staff-note = Staff see no rows. Enter the company system as an owner to see which records differ, and to take single ones back.
swap-no-difference = The backup and the data in use do not differ.
undo-warning = What was written since the swap is then out of use.
verify-lead = Fetches the backup and compares every object, every database and every row count with its manifest.
restore-lead = Stages the backup beside the data in use. Nothing changes until you have compared it and swap it in.
swap-lead = Replaces the data in use by the staged backup.
undo-lead = Uses the data again that was in use before the last swap.
discard-lead = Removes the staged copy. The backup itself and the data in use stay.
verify-title = Verify a backup of { $name }
verify = Verify
restore-title = Restore a backup of { $name }
stage-the-backup = Stage the backup
swap-title = Swap in the staged restore of { $name }
swap-it-in = Swap it in
undo-title = Undo the last restore of { $name }
undo-the-restore = Undo the restore
discard-title = Discard the staged restore of { $name }
discard = Discard
back-up-title = Back up { $name }
back-up-lead = Takes a backup now. Its members work on meanwhile.
staged-since = Staged since
password-of-a-new-owner = Password of a new owner
short-name-of-the-new-company = Short name of the new company
clone-blank-personal = Leave fields with personal data empty
clone-owner = Address of an account that becomes its owner
clone-reason = Why this person gets the records
create-slug-help = 3 to 40 small letters, digits and hyphens. It is in addresses and in names of databases.
create-email-help = For letters about the company, and of its owner.
create-password-help = Creates the owner's account with the address above. Without it the company has no members yet.
empty-the-same-name = Empty: the same name.
empty-the-same-address = Empty: the same address.
create-a-company = Create a company
create-lead = With its databases and its subscription: all, or nothing.
create-the-company = Create the company
clone-lead = Creates another company with the same records, from one moment. This one works on meanwhile.
clone-title = Copy { $name } as a new company
copy = Copy
the-usual-one = The usual one
the-same = The same
new-short-name = New short name
settings = Settings
cancel-grace = Days of use that are left
cancel-retention = Days for which data is retained after that
for-the-audit-log = For the audit log.
members-read-it = Members read it.
plan-until-help = The last day. Empty: open-ended.
suspend-note = Its data stays as it is, and its backups go on.
cancel-note = Until its data is removed, the cancellation can be revoked.
open-it-again = Open it again
members-can-enter = Its members can enter it again.
maintenance-lead = Members get a page that says why. Staff can still enter.
plan-lead = Limits of another plan hold at once.
rename-lead = The short name is in addresses. The former one stays reserved for ever.
rename-help = 3 to 40 small letters, digits and hyphens.
settings-json-lead = A JSON object. The platform reads external_id (the company's name at other issuers of tokens), language and time_zone only.
databases-lead = Creates the databases that the company should have and has not. Others stay as they are.
migrate-lead = Brings its databases to the schema of the apps. Its requests wait meanwhile.
cancel-lead = It can be used for the grace period, then it is closed. Its data is retained, and removed after that.
revoke-lead = It goes on as before. Nothing is removed.
maintenance-title = Close { $name } for maintenance
close-for-maintenance = Close for maintenance
plan-title = Plan and subscription of { $name }
rename-title = Short name of { $name }
change-the-short-name = Change the short name
settings-title = Settings of { $name }
save-the-settings = Save the settings
databases-title = Missing databases of { $name }
create-missing-databases = Create missing databases
migrate-title = Migrate { $name }
migrate = Migrate
cancel-title = Cancel { $name }
cancel-the-company = Cancel the company
revoke-title = Revoke the cancellation of { $name }
revoke-the-cancellation = Revoke the cancellation
suspend-title = Suspend { $name }
suspend-lead = Nobody can enter it until it is resumed.
suspend = Suspend
resume-title = Resume { $name }
resume = Resume
closed-because = Closed because
plan-now = Plan now
subscription-now = Subscription now
short-name-typed-again = Short name, typed again
store = Store
isolation = Isolation
move-lost = The database in use is lost
move-lost-help = Uses the former database as it is. Everything written since the move is lost.
release-warning = After that no move and no restore of it can be taken back.
release-lead = Removes the databases that were in use before moves and restores.
move-title = Move { $name } to another server
move-back-title = Move { $name } back
move-back = Move back
promote-title = Give { $name } a database of its own
demote-title = Put { $name } into the pool
release-title = Release retained databases of { $name }
release = Release
it-is-now = It is now
as-the-server-can = As the server can
fewest-databases = The one with the fewest databases
id = Id
purge-early = Although its data should be retained
purge-not-closed = Only a closed company can be purged. Cancel it first, and wait until it is closed.
purge-warning = This cannot be undone. A final backup is taken first, if the configuration says so.
purge-lead = Removes every place that holds its data, and writes a certificate.
purge-title = Purge { $name }
purge-for-good = Purge for good
nothing-here = Nothing here
no-row-fits = No row fits.
check-the-chain = Check the chain
short-name-of-a-company = Short name of a company
audit-lead = Every act, with who did it. Each row secures the ones before it.
when = When
action = Action
detail = Detail
schedules = Schedules
restore-drill = Restore drill
newest-backups = Newest backups
backup-runs = Runs over many companies
no-backup-yet = No backup yet
backups-open-one = Open a company and back it up.
no-run-yet = No run yet
schedules-start-them = Schedules start them.
no-schedule = No schedule
schedules-add = Add [[backups.schedules]] to the configuration.
companies-by-last-backup = Companies by last backup
overdue = Overdue
on-time = On time
drill-succeeded = The last one succeeded
no-drill-yet = No drill yet
the-platform-itself = The platform itself
state = State
times = Times
last-success = Last success
schedule = Schedule
last-complete = Last complete
taken = Taken
rows = Rows
size = Size
verified = Verified
started = Started
ended = Ended
good-backups = Good backups
stored = Stored
failed-last-day = Failed in the last day
removed = Removed
stays = Stays
not-removed = Not removed
certificate-lead = What was removed and what stays, place by place.
certificate-of-removal = Certificate of removal
purged = Purged
installation = Installation
act-as = Act as
for-at-most = For at most
enter-reason-help = For example the number of the request. Members read it.
enter-note = The rights of the member apply. Owners of the company see the visit and the reason in their activity log. Passwords, keys and members cannot be changed meanwhile.
enter-lead = Work on the company's pages as one of its members.
your-own-password = Your own password
own-password-help = Asked again because this cannot be taken back, or lets you act as another person.
needs-attention = Needs attention
running-now = Running now
all-is-well = All is well
all-is-well-help = Backups, schemas, operations, disks and servers are as they should be.
accounts = Accounts
no-operation = No operation
operations-none = Moves, backups and restores appear here.
to-the-company = To the company
certificate = Certificate
which = Which
abandon-warning = Try again or cancel first. The audit log names what was left behind.
operations-lead = What the platform does to companies: each ends done, or undone.
abandon-the-operation = Abandon the operation
abandon-lead = Ends it although a step fails. What cannot be undone is left behind.
number = Number
kind = Kind
started-by = Started by
last-change = Last change
servers-that-have-tried = Servers that have tried
all = All
not-ended = Not ended
without-a-counterpart = Without a counterpart
processes-that-serve = Processes that serve
orphans-none = Every database has its placement, and every placement its database.
does-not-answer = Does not answer
disk-nearly-full = Disk nearly full
as-it-should-be = As it should be
orphan-file = A file without a placement
orphan-rows = Rows without a placement
orphan-placement = A placement without a database
orphans-help = Files and places that the catalog does not name, and places whose database is not there.
servers-lead = Where the databases of companies are.
server = Server
places = Places
free-on-disk = Free on disk
process = Process
last-heard-of = Last heard of
changed = Changed
databases = Databases
actions = Actions
restore-staged = A restore is staged
it-has-no-database = It has no database
databases-none-help = Create the missing ones, or restore a backup.
take-one-now = Take one now.
enter-company-system = Enter company system
compare-and-swap-in = Compare and swap in
end-the-maintenance = End the maintenance
plan-and-subscription = Plan and subscription
back-up = Back up
restore-a-backup = Restore a backup
undo-the-last-restore = Undo the last restore
copy-as-a-new-company = Copy as a new company
move-to-another-server = Move to another server
give-own-database = Give it a database of its own
put-it-into-the-pool = Put it into the pool
release-retained-databases = Release retained databases
e-mail = E-mail
size-on-disk = Size on disk
last-backup = Last backup
created = Created
cancelled = Cancelled
can-be-used-until = Can be used until
data-is-retained-until = Data is retained until
database = Database
generation = Generation
schema = Schema
no-company-fits = No company fits
tenants-none = Search for something else, or show all.
no-database = No database
schema-behind = Schema behind
without-a-backup = Without a backup
misplaced = On servers that do not fit the plan
labels = Labels
move-fit = A server that fits its plan
misplaced-help = The plan asks for servers with other labels. The company works where it is, until you move it.
server-that-fits = Server that fits
no-server-fits = None
order = Order
tenants-lead = Each with the state of its databases and its last backup.
all-states = All states
all-plans = All plans
all-servers = All servers
maintenance = Maintenance
cancelled-still-open = Cancelled, still open
active = Active
being-created = Being created
suspended = Suspended
closed = Closed
being-purged = Being purged
newer-than-the-apps = Newer than the apps
behind = Behind
current = Current
stuck = Stuck
being-cancelled = Being cancelled
waits-for-its-next-try = Waits for its next try
running = Running
being-undone = Being undone
done = Done
cancelled-and-undone = Cancelled and undone
failed-and-undone = Failed and undone
being-made = Being made
as-it-is = As it is

### Monitoring.

monitoring = Monitoring
monitoring-lead = The last hour of { $node }, the process that answers this page. Each process counts for itself, since its start.
this-process = This process
requests-answered = Requests
requests-since-start = Requests since the start
errors-since-start = Errors of the server since the start
latency = Time to answer
latency-p50 = half within
latency-p95 = 95 % within
latency-p99 = 99 % within
errors = Errors
errors-of-servers = of the server
errors-of-clients = of clients
connections-of-clients = Connections of clients
connections-of-databases = Connections
connections-to = Connections to { $server }
open-databases = Open database files
open-now = open
memory = Memory of the process
in-use = in use
waiting = waiting
free = free
free-on = Free on { $server }
rate = { $value }/s
duration-ms = { $value } ms
slow-requests = Slow requests
slow-request = Request
sizes = Size of databases
sizes-help = Noted once a day: bytes on disk; of companies in a pool, the bytes of their values.
sizes-none = No size has been noted
sizes-none-help = A server notes the sizes once a day.
grown-most = Grew most
grown-by = Grew by
grown-none = No database grew
records-by-store = Records by store
records-by-store-help = Requests of companies for records since this process started. Times are estimated from a histogram.
records-by-company = Records by company
records-by-company-help = The companies that asked most for records of a store since this process started, at most 20.
records-none = No company has asked for records
mean-time = Mean
slow-help = The newest slow requests of this process, the slowest first: with the names of their conditions, without values.
slow-none = No request was slow
slow-none-help = A request is slow from { $ms } ms.
took = Took
request-number = Number and status

### Dry runs of moves.

outlook-ask = Show what would happen
outlook-title = What would move
outlook-from = From
outlook-to = To
outlook-free = Free there
outlook-files = Uploaded files, { $bytes }, stay where they are.
outlook-clear = Nothing is in the way. Nothing was changed yet.
outlook-obstacles =
    { $count ->
        [one] One thing is in the way of the move. Nothing was changed.
       *[other] { $count } things are in the way of the move. Nothing was changed.
    }
outlook-in-the-way = In the way
outlook-replaces = { $store }: the rows of generation { $generation } that the pool retains would be replaced.

### Migrations of the fleet.

migrations = Migrations
migrations-lead = The databases of all companies, compared with the apps that this server has loaded.
stores = Stores
databases-behind = Behind
databases-refused = Failed
databases-ahead = Ahead
not-migrated = Not migrated
failure-of =
    { $more ->
        [0] { $store }: { $tenants }
       *[other] { $store }: { $tenants } and { $more } more
    }
newest-run = Newest run
progress = Progress
result-of = Result in { $store }
run-of-store = { $migrated } of { $total } migrated, { $failed } failed
run-halted = stopped after the databases that were tried first, because all of them failed
see-its-steps = See its steps
migrate-all = Migrate all companies
migrate-failed = Try the failed ones again
migrate-all-lead = Brings the databases of all companies to the loaded apps, without an outage.
migrate-all-note = A database that fails stays as it is and is named. The others go on. The run can be cancelled at any time: what is migrated stays migrated.
tried-first = Databases tried first
tried-first-help = If all of them fail, the run stops, because the migration is at fault.
at-the-same-time = Databases at the same time
only-failed = Only databases whose last migration failed
brought-too = Also databases that companies have brought
try-without-a-change = Try it without a change
tried-nothing-behind = No database is behind. A run would do nothing.
tried-well =
    { $count ->
        [one] The migrations fit the one database on which they were tried, of { $total }. Nothing was changed.
       *[other] The migrations fit the { $count } databases on which they were tried, of { $total }. Nothing was changed.
    }
tried-refused = { $refused } of the { $count } databases on which the migrations were tried refuse them. Nothing was changed.
tried-and-rolled-back = Tried and rolled back
refused = Refused
fits = Fits

### Filters of the audit log.

audit-actor = Actor: address or label
audit-action = Action, such as tenant.move
audit-from = From
audit-to = To
export-ndjson = JSON lines

### Acts on all backups, and companies made from copies.

back-up-all = Back up all companies
back-up-all-lead = Takes a backup of each company while its members work. Each is an operation of its own; one that fails does not stop the others.
only-these-companies = Only these companies
only-these-companies-help = Short names, one a line. Empty: all companies.
platforms-own-stores-too = Also the platform's own stores: the catalog, and shared data
no-such-company = There is no company of this name.
prune = Remove old backups
prune-title = Remove old backups
prune-lead = Removes the backups that retention gives up now, as it does by itself once a day.
prune-warning = What is removed cannot be brought back. The newest good backup of a company is always kept.
rescan = Look for unknown backups
rescan-title = Look for unknown backups
rescan-lead = Reads the manifests in the backup store and takes up the backups that the catalog does not know, after a restore of the catalog for example.
drill = Start the drill
drill-lead = Restores the newest good backup of a company to scratch and compares everything. Nothing in use changes.
drill-tenant-help = Empty: the company whose turn it is.
no-such-backup = There is no company of this name with a good backup.
as-a-new-company = As a new company
restore-as-title = Restore as a new company
restore-as-lead = Makes a new company with the rows and files of this backup. The company that the backup is of stays as it is.
members-come-along = Its members become members of the new company. Give a reason then.
import-a-company = Import a company
import-company-lead = Makes a new company from an archive that a company has downloaded, also on another installation.
archive-file = Archive
archive-help = The ZIP file of an export, at most 31 MB here. Larger ones go through the API: POST /api/admin/import.
choose-an-archive = Choose the archive.
attach-a-database = Attach a database
attach = Attach
attach-title = Attach a database to { $name }
attach-lead = Uses a database that the company brings. It gets the identity of the company; its other tables stay as they are.
attach-no-store = No store is configured for databases that companies bring (provision = "external").
name-of-the-database = Name of the database
attach-name-help = Empty: as the store's template says.
done-attached = The database is in use.

### The fleet map.

fleet-map = Fleet map
fleet-map-lead = Each box is a server, each cell a company: its size is that of its newest backup, its colour says how it is.
fleet-map-counted = Each box is a server. There are too many companies to show each, so a cell stands for several; missing backups are not shown.
moves-now = Moves now
no-move = No company moves
no-move-help = A move is drawn as a line from server to server while it runs.
moves-from-to = { $tenant } moves from { $from } to { $to }
companies-count =
    { $count ->
        [one] { $count } company
       *[other] { $count } companies
    }
about-companies =
    { $count ->
        [one] { $count } company
       *[other] up to { $count } companies
    }
health-fine = As it should be
health-closed = Closed
health-schema = Other schema
health-failed = Migration failed
operation = Operation

### Analytics of the platform.

platform-analytics-lead = Companies over the weeks, from the audit log, and what the plans hold now.
period = Period
last-weeks = Last { $count } weeks
this-week = { $count } this week
open-companies = Open companies
registrations = New companies
cancellations = Cancellations
weeks = Weeks
week-from = Week from
open-at-its-end = Open at its end
plan-use-help = Sizes are those of the newest good backups.
proofs = Proof of isolation
proofs-lead = Checks the live databases: each holds its own company only, and no role reaches another one. Nothing is changed and no row is shown.
proofs-kept = Results
no-proof-yet = Not proven yet
no-proof-yet-help = Start a proof to get a dated result that you can print and hand over.
prove-it = Prove it
prove-it-lead = Opens the databases of all companies, or of one, and checks every rule of isolation inside them.
prove-it-note = A proof only reads. It is slow on purpose, so that companies do not notice it. The result is kept, and its digest is in the audit log.
prove-company-help = Short name. Leave it empty to prove all companies.
per-second-help = From 1 to 1000.
all-companies = all companies
shared-by-companies = shared by companies
violations = Violations
not-checked = Not checked
isolation-holds = Holds
isolation-holds-partly = Holds where it was checked
isolation-broken = Violated
proof-of = Proof of isolation of { $company }
proof-of-all = Proof of isolation
proof-lead = What was checked inside the live databases, what was found, and what was not checked.
what-was-checked = What was checked
digest = Digest of this result
digest-agrees = The audit log has this digest
digest-differs = The audit log has another digest
digest-differs-help = Do not trust this result. Verify the audit log and prove again.
checked-of = Checked
proof-took = took { $ms } ms
version = Version
rule = Rule
checked-times = Checked
nothing-to-check = nothing to check
holds = holds
remedy = Remedy
why = Why
nothing-left-out = Nothing was left out
never-proven = A proof does not cover operators who can read the disk, and the roles of members inside a company.
proof-amounts = { $companies } companies, { $places } databases, schemas and places in pools, { $pools } pools
violated-times =
    { $count ->
        [one] violated once
       *[other] violated { $count } times
    }
brought-not-proven =
    { $count ->
        [one] { $count } database was brought by its company: only its identity was checked.
       *[other] { $count } databases were brought by their companies: only their identity was checked.
    }
and-more =
    { $count ->
        [one] { $count } more is counted but not listed.
       *[other] { $count } more are counted but not listed.
    }
need-isolation =
    { $count ->
        [one] The isolation of companies is violated
       *[other] The isolation of companies is violated { $count } times
    }
begun-per-second = Databases in a second, at most
