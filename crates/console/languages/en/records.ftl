### Pages of the records of every model.

change-counted =
    { $count ->
        [one] Change { $count } record
       *[other] Change { $count } records
    }
delete-counted =
    { $count ->
        [one] Delete { $count } record
       *[other] Delete { $count } records
    }
deletes-counted =
    { $count ->
        [one] This deletes { $count } record for good.
       *[other] This deletes { $count } records for good.
    } It was tried, and no record refuses it. Nothing is deleted yet.
new-value-of = New value of { $field }
in-the-field = in the field { $field }
added-by-us = ours
own-values-of = { $place } has its own value of: { $fields }.
value-theirs = Theirs:
value-empty = empty
value-before = Before:
own-lead = The record is shared by all companies. Tick a field to give it a value that only { $place } sees.
shared-value = shared:
own-value-of = Our value of { $field }
counted-of =
    { $count ->
        [one] { $count } record of { $label }
       *[other] { $count } records of { $label }
    }
selection-these =
    { $count ->
        [one] It is:
       *[other] They are:
    }
selection-first = The first of them:
preview = Preview
import-help = A CSV file of at most { $most }, as spreadsheets save it. Its first line names the columns. Nothing is written before you have seen what would be stored.
import-what-is-in = What is in { $file }?
import-cannot =
    { $count ->
        [one] { $count } line of { $file } cannot be imported
       *[other] { $count } lines of { $file } cannot be imported
    }
import-can =
    { $count ->
        [one] { $count } record can be added
       *[other] { $count } records can be added
    }
import-would-all = This is what would be stored. Nothing is written yet.
import-would-first = The first { $count }, as they would be stored. Nothing is written yet.
import-button =
    { $count ->
        [one] Import { $count } record
       *[other] Import { $count } records
    }
imported =
    { $count ->
        [one] Imported: { $count } record.
       *[other] Imported: { $count } records.
    }
lines-refused =
    { $count ->
        [one] { $count } line refused
       *[other] { $count } lines refused
    }
filter-from = { $label }, from
filter-to = { $label }, to
filter-contains = { $label } contains
list-empty-help = What is added to { $label } appears here.
tick-name = Tick { $name }
back-to-the-list = Back to the list
what-will-be-changed = What will be changed
change-tried = It was tried on all of them, and no record refuses it. Nothing is written yet.
change-something-else = Change something else
what-to-change = What to change
change-help = Tick the fields to change. All of these records get the same value.
check = Check
update-the-choices = Update the choices
consequences = Consequences
delete-blocked = Other records need this one, so it cannot be deleted. Change or delete them first.
delete-for-good = This deletes the record for good.
delete-no-references = No other record refers to it.
delete-references-lost = These records stay and lose their reference to it:
delete-it = Delete it
delete-all-blocked = These records need some of them:
keep-them = Keep them
delete-all-references-lost = These records stay and lose their reference:
shared = Shared
our-values = Our values
fields = Fields
none = None.
show-all = Show all
record = Record
conflict = Another person has changed this record while you edited it.
conflict-help = Fields that only they changed have their values now. Where you both changed a field, choose which value to keep. Then save again.
which-value = Which value?
value-mine = Yours, as above
save-and-add-another = Save and add another
refused-lines = Refused lines
column = Column
lines = Lines
first = First
the-whole-line = The whole line
steps = Steps
choose-a-file = Choose a file
file = File
continue = Continue
import-known-columns = Columns that are found by themselves
import-other-names = Other names are fine too: you choose what each column is in the next step.
letters = Letters
between-cells = Between cells
read-again = Read again
first-values = First values
ignore = Ignore
another-file = Another file
import-mend = Download the refused lines, mend them, and import them as a file of their own.
download-the-refused-lines = Download the refused lines
records-that-can-be-added = Records that can be added
import-no-lines = The file has no lines after the first.
change-the-columns = Change the columns
to-the-list = To the list
import-another-file = Import another file
import = Import
filter = Filter
any = Any
to = to
apply = Apply
clear-all = Clear all
show-these = Show these
conditions = Conditions
no-more-records = No more records
list-end = This is the end of the list.
nothing-fits = Nothing fits
list-nothing-fits = No record meets the search and the conditions.
no-shared-data-yet = No shared data yet
list-no-shared = Shared records are the same for all companies. Ask the staff of this platform to enter them.
no-records-yet = No records yet
to-the-first-page = To the first page
list-clear = Clear search and conditions
add-the-first = Add the first
import-a-csv-file = Import a CSV file
tick = Tick
tick-all-on-this-page = Tick all on this page
ticked-records = Ticked records
ticked-count = Ticked records:
count-all = Count all
change-all = Change all
delete-all = Delete all
export-csv = Export CSV
own-denied = Your role may not set values of the company. Ask an owner.
selection-all = All records. No search and no condition is set.
field-number = No.
field-added = Added
field-changed = Last changed
field-version = Version
help-range = { $min } to { $max }
help-unique = No two records have the same
help-empty-removes = Empty removes the value
value-removed = – (the value is removed)
done-added-next = The record is added. Add the next one.
form-correct = Nothing is saved yet. Correct the marked fields, then save again.
edit-name = Edit { $name }
is-ne = { $field } is not { $value }
is-lt = { $field } less than { $value }
is-lte = { $field } up to { $value }
is-gt = { $field } more than { $value }
is-gte = { $field } from { $value }
is-contains = { $field } contains { $value }
is-startswith = { $field } starts with { $value }
is-in = { $field } is one of { $value }
is-eq = { $field } is { $value }
done-deleted = The record is deleted.
done-deleted-count =
    { $count ->
        [one] Deleted: { $count } record.
       *[other] Deleted: { $count } records.
    }
done-changed-count =
    { $count ->
        [one] Changed: { $count } record.
       *[other] Changed: { $count } records.
    }
list-tick-first = Tick at least one record first.
records-on-page = { $count } on this page
done-added = The record is added.
done-changed = The changes are saved.
done-own = The values of your company are saved.
done-same = Nothing was changed.
done-transition = The record has its new state.
next-step = Next step
comment = Comment
comment-required-for = Needs a comment: { $steps }
trail = States
trail-begin = The record was added.
trail-begin-by = Added by { $name }
transition-changed = Another person has changed this record meanwhile. Look at it, then choose again.
transition-comment-wrong = This step needs a comment of at most 2,000 characters.
transition-not-now = You cannot make this step: the record is in another state, or another person must make it.
delete-changed = Another person has changed this record meanwhile. Look at it before you delete it.
delete-referred = Another record refers to this one since you opened the page.
count-in = { $count } in { $label }
delete-name = Delete { $name }?
own-values-name = Our values: { $name }
bulk-too-many = At most { $count } records can be changed or deleted at once. Set more conditions on the list.
bulk-ticked = Ticked: No. { $ids }
bulk-search = Search: { $text }
bulk-recounted = The records have changed meanwhile: there were { $before }, and now there are { $now }. Nothing was done. Look at them again.
bulk-conflict = Another person has just changed one of these records. Nothing was done. Look at them again.
bulk-tick-field = Tick at least one field to change.
bulk-record-refuses = Record No. { $id } refuses it, so nothing was changed.
bulk-not-changed = { $reason } Nothing was changed.
nothing-to-change = Nothing to change
nothing-to-delete = Nothing to delete
delete-counted-ask =
    { $count ->
        [one] Delete { $count } record?
       *[other] Delete { $count } records?
    }
type-the-number = Type the number of records to delete
bulk-referred = Other records need some of these, so none of them can be deleted. Change or delete those first, or set more conditions on the list.
import-by = { $field }, by { $by }
import-by-number = { $field }, by No.
import-number = No. of the record
import-required = { $label } (required)
import-choose-first = Choose a file first.
import-too-large = The file is larger than { $most }. Split it, or import it with the API: { $path }.
import-file-refused = The file { $reason }.
column-number = Column { $number }
encoding-unicode = Unicode (UTF-8 or UTF-16)
encoding-1250 = Central European (Windows-1250)
encoding-1251 = Cyrillic (Windows-1251)
encoding-1252 = Western European (Windows-1252)
encoding-1254 = Turkish, Azerbaijani (Windows-1254)
separator-comma = Comma
separator-semicolon = Semicolon
separator-tab = Tab
import-missing = Choose the columns of: { $fields }. Without them no record can be added.
import-into = Import into { $label }
clock-twice = occurs twice in { $zone }, because clocks go back: write { $first } or { $second }
clock-never = does not occur in { $zone }, because clocks go forward: write { $first } or { $second }
imported-before = This file was sent already. It is imported only once.
history = History
history-of = History of { $name }
history-deleted = The record is deleted; its history stays.
history-lead = Each change, and the person or program that made it. Personal data is named, never copied.
history-visits-only = The model of this record keeps no log: only changes during support visits are recorded.
history-no-older = No older changes
history-none = No changes
history-appears = Changes of this record appear here.
history-turn-on = To record all changes, the model needs <code>{ $setting }</code>.
history-newest = Newest
history-older = Older
history-changes = Changes
history-fields = Fields of the change of { $time }
history-before = Before
history-after = After
history-added = added the record
history-removed = deleted the record
history-changed = changed the record
history-personal = Personal data is not recorded.
history-target-deleted = Emptied, because the record that it referred to was deleted.
user-number = User No. { $id }
show-the-choices = Show the choices
file-too-long = the file { $name } is longer than { $most }: choose a smaller one
file-over-limit = The record is saved, but not its file: the files of your company would exceed the limit of its plan. Remove other files, or choose a larger plan.
file-denied = The record is saved, but not its file: your role may not change records of this kind.
file-at-most = At most { $most }
import-dates = Dates
import-decimals = Decimals
import-day-first = Day first: 21.11.2026, 21/11/2026
import-month-first = Month first: 11/21/2026
import-comma = Comma: 1.234,50
import-point = Point: 1,234.50
import-choose-dates = Choose how the file writes dates.
import-choose-decimals = Choose how the file writes decimals.
or = or
and = and
is-before = { $field } before { $value }
is-after = { $field } after { $value }
is-empty = { $field } is empty
is-filled = { $field } is not empty
alternatives = One of several groups
alternatives-help = A record is listed if it meets all conditions of at least one group.
alternatives-open = Alternatives: this or that
alternative-first = Either
alternative-add = Add a condition…
alternative-and = and…
alternative-field = Field of the next condition
alternative-value = Value of { $label }
alternative-operator = Comparison of { $label }
alternative-value-missing = Give a value, or remove the condition.
operator-eq = is
operator-ne = is not
operator-contains = contains
operator-startswith = starts with
operator-gte = at least
operator-lte = at most
operator-gt = more than
operator-lt = less than
operator-from = from
operator-until = up to
operator-after = after
operator-before = before
operator-empty = is empty
operator-filled = is not empty
views = Views
views-of = Views of { $label }
views-lead = A view is a name for conditions, order and columns of a list. Shared views are seen by all members who may read the records.
views-count = { $count ->
        [one] One view
       *[other] { $count } views
    }
views-none = No views yet
views-how = Set conditions, order or columns on the list, then choose “Save view” above it.
views-manage = Change views
view-all = All
view-save = Save view
view-name = Name
view-name-of = Name of { $name }
view-instead = Save as
view-new = A new view
view-share-with = Share with all members
view-open-with = Open the list with it
view-default = Opens the list
view-make-default = Open the list with it
view-make-default-name = Open the list with { $name }
view-usual = Open the list without it
view-usual-name = Open the list without { $name }
view-share = Share
view-share-name = Share { $name }
view-unshare = Stop sharing
view-unshare-name = Stop sharing { $name }
view-delete-name = Delete { $name }
view-rename = Rename
view-shared-by = Shared by { $name }
view-broken = No longer fits the records, and is left out: { $parts }
view-saved = The view is saved.
view-deleted = The view is deleted.
view-sorted = sorted by { $fields }
view-columns = columns: { $fields }
days-today = today
days-yesterday = yesterday
days-tomorrow = tomorrow
days-this-week = this week
days-last-week = last week
days-this-month = this month
days-last-month = last month
days-this-year = this year
operator-within = is in
any-day = any day
filter-days = { $label }: days
