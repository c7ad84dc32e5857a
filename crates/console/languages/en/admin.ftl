### Pages of staff.

nav-staff = Staff
sent-letters = Letters
admin-nothing-missing = Nothing is missing.
admin-missing =
    { $count ->
        [one] { $count } thing is missing before people work with it.
       *[other] { $count } things are missing before people work with it.
    }
in-their-trial = In their trial
payments-late = Payments late
subscriptions-ended = Subscriptions ended
locked-out = Locked out
days-open-ended = open-ended
days-over = over
check-setting = Set { $name } in tenantry.toml, then restart the servers.
check-plans = There are plans on offer
check-no-plan = There is no plan
check-no-plan-help = Nobody can register without one. Add a plan, or run: { $command }
check-default-plan = New companies have a plan to begin on
check-no-default-plan = The plan { $plan } of new companies is not on offer
check-no-default-plan-help = Or offer the plan again.
check-shared-unreadable = Shared records cannot be read: { $detail }
check-shared = { $label }: there are records
check-no-shared = { $label }: no shared records yet
check-no-shared-help = Companies cannot choose any. Add them, or import a CSV file.
check-companies = There are companies
check-no-company = There is no company yet
check-no-company-help = Create the first one, or let it register.
check-mail = Letters go to a mail server
check-no-mail = Letters are only written to files
check-backups = Backups have a schedule
check-no-backups = No backup is made by itself
check-https = Browsers use https, or are on this host
check-no-https = Browsers use plain http
check-passwords = No account has the password of the demo
check-demo-passwords =
    { $count ->
        [one] { $count } account has the password of the demo
       *[other] { $count } accounts have the password of the demo
    }
check-demo-passwords-help = Anybody can read it. Set other passwords, or close these accounts.
check-superusers = More than one superuser can sign in
check-one-superuser = Only one superuser can sign in
check-one-superuser-help = If that person loses access, nobody can give it back here.
check-addresses = The addresses of all people are proven
check-unproven =
    { $count ->
        [one] { $count } address is not proven
       *[other] { $count } addresses are not proven
    }
check-unproven-help = Letters to them may reach another person. Each person confirms their own on the account page.
head-days-left = Days left
members-none = It has no members
members-none-help = Give it an owner: { $command }
impact-asked =
    { $count ->
        [one] { $count } company was asked.
       *[other] { $count } companies were asked.
    }
impact-refer =
    { $count ->
        [one] { $count } company refers to this record, with { $records }, and so keeps it from being deleted.
       *[other] { $count } companies refer to this record, with { $records }, and so keep it from being deleted.
    }
impact-own =
    { $count ->
        [one] { $count } company has own values, and would not see a change of those fields.
       *[other] { $count } companies have own values, and would not see a change of those fields.
    }
impact-more =
    { $count ->
        [one] { $count } company has not been asked yet.
       *[other] { $count } companies have not been asked yet.
    }
impact-none = No company would notice
impact-help = Companies may refer to this record, or have their own values for it.
impact-ask = Ask the companies
all-letters = All letters
letter-waiting = Waiting
letter-is-sent = Sent
letter-dropped = Not needed any more
letter-to = To
purpose = Purpose
written = Written
send-again = Send again
done-letter-again = The letter is on its way again.
letters-lead = What the platform wrote to people. Texts and links are not shown.
letters-lead-files = Written to files in the data directory: no mail server is set (mail.smtp).
purpose-verify = Confirm the address
letter-next-try = next try { $at }
letter-used = its link was used
letter-attempts =
    { $count ->
        [one] { $count } attempt
       *[other] { $count } attempts
    }
send-again-title = Send the letter to { $address } again
send-again-lead = It gets a new link, and the link of the former letter stops working.
send-again-not = It waits to be sent, its link was used, or what it was about is gone.
last-failure = Last failure
value-none = none
send-it-again = Send it again
configuration = Configuration
plans-none = There is no plan yet
plans-none-help = Add one, or take those of the configuration: { $command }
done-plan-added = The plan is added.
done-plan-changed = The plan is changed. Companies on it have the new limits now.
done-plan-archived = The plan is archived. Companies on it keep it.
done-plan-offered = The plan is on offer again.
done-plan-reset = The plan is as the configuration says.
days-count =
    { $count ->
        [one] { $count } day
       *[other] { $count } days
    }
requests-per-second = Requests per second
offer-again-title = Offer { $name } again
any-end = Any end
ends-within-week = Ends within a week
ends-within-30 = Ends within 30 days
ends-within-90 = Ends within 90 days
no-subscription-fits = No subscription fits
subscription-of = Subscription of { $name }
done-subscription-plan = The plan is changed.
done-extended = The subscription goes on until the new day.
done-subscription-cancelled = The subscription is cancelled.
done-reactivated = The subscription is active again.
state-now = State now
all-people = All people
only-staff = Staff and superusers
superusers = Superusers
only-closed = Closed accounts
only-unproven = Addresses not proven
rights = Rights
nobody-fits = Nobody fits
not-proven = not proven
proven = proven
superuser = Superuser
done-person-added = The person is added. Tell them the password by a safe way.
done-letter = The letter is on its way.
done-letter-waits = Such a letter waits to be sent already.
done-person-signed-out = The person is signed out everywhere.
done-unlocked = The person can sign in again.
done-rights = The rights are changed.
done-password-set = The password is set, and the person is signed out everywhere.
access = Sign-in
people = People
databases-backups-moves = Databases, backups, moves
admin-companies-lead = Each with its plan and its people. Their records are theirs: staff see none.
subscription-ends = Subscription ends
no-model-is-shared = No model is shared
data-none-help = Models of a store of scope system are the same for all companies.
none-yet = None yet
cannot-be-read = Cannot be read
data-lead = Records that are the same for all companies. Staff change them, once for all.
model = Model
who-refers-to-it = Who refers to it
what-is-missing = What is missing
ending-soon = Ending soon
everything-is-set-up = Everything is set up
checklist-done-help = Plans, shared data, mail, backups and accounts are as they should be.
nothing-ends-soon = Nothing ends soon
renewals-none = No trial or paid period ends within two weeks.
ends = Ends
who-would-notice = Who would notice
could-not-be-asked = Could not be asked
impact-lead = Companies that refer to this record, or have their own values for it.
refers-to-it = Refers to it
has-its-own = Has its own
no-letter-here = No letter here
letters-none = Invitations, confirmations and resets are listed for 90 days.
trial = Trial
payment-late = Payment late
limits = Limits
add-a-plan = Add a plan
offer-again = Offer again
archive = Archive
return-to-the-configuration = Return to the configuration
archived = Archived
on-offer = On offer
given-by-staff = Given by staff
price = Price
days-of-trial = Days of trial
features = Features
plan-self-service = Companies may choose it when they register
code = Code
in-mib-empty-no-limit = In MiB. Empty: no limit.
plan-price-help = As people read it, for example 49 € a month.
plan-trial-help = 0: companies pay from the first day.
empty-no-limit = Empty: no limit.
plan-features-help = Names that the apps know, separated by commas.
plan-servers = Labels of servers
plan-servers-help = Its companies are placed on servers with all of these labels, for example tier=premium, region=eu. Empty: on any server.
plan-misplaced = Companies on other servers
plan-place = Move companies to servers that fit
plan-place-title = Move the companies of { $name }
plan-place-lead = Companies on servers without the labels of the plan move, a few at a time, while they work. The others stay where they are.
plan-move = Move databases to servers that fit the plan
plan-move-help = Otherwise they stay where they are, and the company is listed as work that waits.
plan-code-help = Small letters, digits and _, for example team_plus. It cannot be changed later.
plan-from-configuration = The configuration sets this plan now. Once you save, only staff change it.
plans-lead = What companies may use, and how much of it. The platform does not bill.
plan-add-lead = What companies on it may use. Empty limits do not limit.
plan-offer-lead = Companies can begin on it again.
add-the-plan = Add the plan
offer-it-again = Offer it again
plan-edit-lead = Companies on it have the new limits at once. What they hold already stays.
plan-archive-lead = No company can begin on it any more. Companies on it keep it.
plan-reset-lead = Its name, price, limits and features are those of tenantry.toml again.
plan-edit-title = Change { $name }
save-the-plan = Save the plan
plan-archive-title = Archive { $name }
archive-the-plan = Archive the plan
plan-reset-title = Return { $name } to the configuration
return-it = Return it
plans = Plans
companies-on-it = Companies on it
set-by = Set by
password-of-the-person = Password of the person
staff-of-the-platform = Staff of the platform
superuser-with-all-rights = Superuser, with all rights
may-sign-in = May sign in
right-staff = Staff: companies, plans, people, shared data
right-superuser = Superuser: all rights, in every company
new-password-of-the-person = New password of the person
person-password-help = At least 10 characters. The person should change it at once.
rights-password-help = Asked again, because rights and passwords are at stake.
set-password-help = At least 10 characters. Tell it by a safe way.
rights-last = The last superuser, and the last owner of an open company, keep their account.
set-password-warning = Who knows this password can act as that person.
add-a-person = Add a person
person-lead = You vouch for the address. Members of companies are invited by their owners instead.
add-the-person = Add the person
rights-lead = Rights on the platform. Roles in companies are given by their owners.
set-password-lead = For people who cannot read their mail. All their sessions end.
rights-title = Rights of { $name }
save-the-rights = Save the rights
set-password-title = Set the password of { $name }
set-the-password = Set the password
change-the-plan = Change the plan
extend = Extend
reactivate = Reactivate
last-day = Last day
empty-open-ended = Empty: open-ended.
cancel-open-ended = It is open-ended. Without a last day, nobody can enter the company from now on.
subscriptions-lead = In the order in which they end.
change-plan-lead = Limits of the other plan hold at once. What the company holds already stays.
extend-lead = Members can use it until the end of that day, UTC.
cancel-subscription-lead = Members can use it until the end of the paid period. The company and its data stay.
reactivate-lead = Members can enter the company again.
change-plan-title = Change the plan of { $name }
extend-title = Extend the subscription of { $name }
cancel-subscription-title = Cancel the subscription of { $name }
cancel-it = Cancel it
reactivate-title = Reactivate the subscription of { $name }
subscriptions = Subscriptions
began = Began
companys-state = Company's state
signed-in-on = Signed in on
in-no-company = In no company
memberships-none = An owner of a company can invite this person.
signed-in-nowhere = Signed in nowhere
sessions-none = No session of this person is open.
send-reset = Send a link to choose a new password
sign-out-everywhere = Sign out everywhere
unlock = Unlock
rights-and-closing-the-account = Rights, and closing the account
set-a-password = Set a password
open = Open
people-lead = Everybody with an account, in companies or on the platform.
send-reset-lead = A letter with a link goes to the address of the account. The password stays until the link is used.
sign-out-lead = Ends every session of this person, and support visits as this person.
unlock-lead = Forgets the wrong passwords of all networks, so that the person can sign in again.
send-reset-title = Send { $name } a link to choose a new password
send-the-letter = Send the letter
sign-out-title = Sign { $name } out everywhere
unlock-title = Unlock { $name }
address = Address
rights-on-the-platform = Rights on the platform
wrong-passwords = Wrong passwords since the last sign-in
last-sign-in = Last sign-in
browser = Browser
last-seen = Last seen
