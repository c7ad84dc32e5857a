### Pages of a company about itself.

analytics-none = There are no records.
analytics-none-meet = There are no records that meet the conditions.
measure-by = { $measure } by { $key }
measure-by-chart = { $measure } by { $key }. The table below has the values.
chart-most = most: { $value }
backups-lead = States of all data of { $place }. Compare one with the data of today, and take single records back.
backups-compared = The backup of { $at } is open for comparison.
backups-count =
    { $count ->
        [one] { $count } backup
       *[other] { $count } backups
    }
backup-verified = verified { $at }
backup-compare-of = Compare the backup of { $at } with now
close-open-until = The account is cancelled. It can be used until { $closes }. Its data is removed for good after { $purges }.
close-closed-on = The account is cancelled. It was closed on { $closes }. Its data is removed for good after { $purges }.
close-download-first = Download all data first
compare-lead = The backup of <time datetime="{ $iso }">{ $at }</time>, compared with the data of today. Nothing changes until you take a record back.
differences-lead = Records that differ from the backup of <time datetime="{ $iso }">{ $at }</time>.
take-back-of = Take { $name } back
record-number = No. { $id }
keys-lead = Programs use a key to work with the records of { $place }.
keys-how = Send a key as <code>{ $header }</code>. What can be asked is in
api-documentation = the API documentation
keys-count =
    { $count ->
        [one] { $count } key
       *[other] { $count } keys
    }
members-lead = People who work in { $place }.
members-count =
    { $count ->
        [one] { $count } member
       *[other] { $count } members
    }
member-since = { $email } · since { $since }
invitation-until = until { $until }
settings-lead = Name, data and account of { $place }.
settings-slug = Addresses and programs call it <code>{ $slug }</code>. Only the operator of this platform changes that.
activity = Activity
activity-lead = Changes of records, and the person or program that made each. Platform staff who act for a member are named.
no-older-activity = No older activity
no-activity-yet = No activity yet
activity-none = Changes of records whose model keeps a log appear here.
to-the-newest = To the newest
changes = Changes
newest = Newest
older = Older
analytics = Analytics
records-in-groups = Records in groups.
by = By
nothing-to-show = Nothing to show
bar = Bar
analytics-more = Not all groups are shown: add a condition, or choose a longer period.
the-same-from-the-api = The same from the API
backups = Backups
back-up-now = Back up now
work = Work
at-work = At work
look-again = Look again
then-and-now = Then and now
no-backups-yet = No backups yet
backups-none = A backup keeps all records and files as they are now.
compare-with-now = Compare with now
company = Company
close-the-account = Close the account
keep-the-account = Keep the account
close-ask-operator = Ask the operator of this platform to open it again before that day.
close-lead = After the cancellation the account can be used for a time, and you can revoke it. Then it is closed: no member can enter, and its data is retained for a time and removed for good.
cancel-the-account = Cancel the account
close-the-comparison = Close the comparison
compare-lost = The data in use cannot be read. Ask the operator of this platform to restore this backup.
deleted-since = Deleted since
changed-since = Changed since
added-since = Added since
no-difference = No difference
recent-activity = Recent activity
dashboard-no-activity = Nothing yet. Changes of records whose model keeps a log appear here.
all-activity = All activity
use-of-the-plan = Use of the plan
no-difference-so-far = No difference so far
differences-many = There are many records. Go on to compare the next ones.
differences-none = These records are as they were.
go-on = Go on
then = Then
now = Now
its-values = Its values
take-the-chosen-back = Take the chosen back
take-back-help = They are written as ordinary changes, with your name.
take-back-denied = Your role may not change these records.
api-keys = API keys
key-copy = Copy the key now. It is not shown again.
make-a-key = Make a key
what-is-it-for = What is it for?
make-the-key = Make the key
no-keys-yet = No keys yet
revoke-name = Revoke { $name }
revoke = Revoke
members = Members
invite-a-person = Invite a person
send-the-invitation = Send the invitation
invite-help = The person gets a letter with a link, and becomes a member by accepting.
role-of-email = Role of { $email }
save-the-role-of-email = Save the role of { $email }
remove-email = Remove { $email }
remove = Remove
you = You
open-invitations = Open invitations
revoke-invitation-of = Revoke the invitation of { $email }
all-data = All data
settings-export-help = One archive with every record and every uploaded file, as CSV and in their original form.
download-all-data = Download all data
settings-close-help = Ends the use of this platform by all members.
what-closing-means = What closing means
subscription = Subscription
your-plan = Your plan
plans-on-offer = Plans on offer
plan-ask-operator = To change the plan, ask the operator of this platform.
done-invited = The invitation is on its way.
done-role = The role is changed.
done-removed = The member is removed.
done-invitation-revoked = The invitation is revoked.
letter-sent = the letter is sent
letter-failed = the letter could not be sent: check the address
letter-waits = the letter waits to be sent
plan-state = Plan { $plan }, { $state }
plan-state-left =
    Plan { $plan }, { $state }, { $days ->
        [one] { $days } day left
       *[other] { $days } days left
    }
state-trial = trial
state-active = active
state-past-due = past due
state-cancelled = cancelled
state-expired = expired
trial-ends-soon = The trial ends soon. Ask the operator of this platform for a plan; afterwards records can no longer be used.
subscription-ends-soon = The subscription ends soon. Ask the operator of this platform to extend it.
key-made-by = made by { $email }, { $at }
key-made = made { $at }
key-never-used = never used
key-last-used = last used { $at }
done-key-revoked = The key is revoked.
done-comparison-closed = The comparison is closed.
an-earlier-day = an earlier day
backup-good = Good
backup-failed = Failed
backup-damaged = Damaged
backup-by-hand = Made by hand
backup-by-schedule = By schedule
backup-final = Before the end
backup-too-soon =
    { $minutes ->
        [one] The last backup is only a few minutes old. You can make the next one in { $minutes } minute.
       *[other] The last backup is only a few minutes old. You can make the next one in { $minutes } minutes.
    }
open-ended = Open-ended
since = Since
until = Until
requests = Requests
per-second = { $count } a second
requests-at-once = Requests at the same time
former-member = A former member (No. { $id })
key-number = Key No. { $id }
taken-back = Taken back: { $created } deleted and { $changed } changed records.
compare-of = { $label }: then and now
take-back-none = Choose the records that you want to take back.
take-back-refused = Nothing was taken back. { $reason }
done-cancelled = The account is cancelled.
done-cancellation-revoked = The cancellation is revoked. Nothing changes.
done-company-name = The name is saved.
type-slug = Type { $slug } to confirm.
label-by-month = { $label } (month)
label-by-quarter = { $label } (quarter)
label-by-year = { $label } (year)
label-by-day = { $label } (day)
number-of-records = Number of records
sum-of = Sum of { $field }
average-of = Average of { $field }
smallest = Smallest { $field }
largest = Largest { $field }
group-none = None
group-empty = Empty
time-zone-help-company = For example Asia/Baku. Empty: UTC. Times on pages are shown and entered in it.
compare-until = The comparison closes by itself on <time datetime="{ $iso }">{ $at }</time>.

own-fields = Own fields
own-fields-lead = Fields that { $place } adds to its records. They appear in forms, lists, conditions, CSV files and the API.
own-fields-none = No own fields yet
own-fields-add = Add a field
own-field-add = Add the field
own-field-model = Records
own-field-label = Label
own-field-name = Name in CSV and the API
own-field-kind = Kind
own-field-choices = Choices, separated by commas
own-field-required = Required
own-field-personal = Personal data
own-field-closed = Being removed
own-field-change = Change
own-field-remove-help = This removes the values from all records.
own-field-remove-name = Remove { $name }
own-kind-text = Text
own-kind-integer = Whole number
own-kind-decimal = Number with two decimals
own-kind-boolean = Yes or no
own-kind-date = Date
own-kind-datetime = Date and time
own-kind-choice = One of several choices
done-own-field-added = The field is added.
done-own-field-saved = The field is changed.
done-own-field-removed = The field and its values are removed.
done-own-field-removing = Many records have values of the field. Some were removed: remove the field again.
