### What surrounds every page, words that many pages use, and how numbers and dates are written.

language-name = Azərbaycanca
number-style = 1.234,5
date-pattern = %d.%m.%Y
datetime-pattern = %d.%m.%Y, %H:%M
month-pattern = %b %Y
months = yanvar fevral mart aprel may iyun iyul avqust sentyabr oktyabr noyabr dekabr
unit-bytes = bayt
unit-kib = KiB
unit-mib = MiB
unit-gib = GiB
unit-tib = TiB
face-staff = Platforma məlumatları
face-master = Operatorlar
acting-as = <b>{ $staff }, { $member } adından işləyir</b>: <b>{ $place }</b>
acting-until = <time datetime="{ $iso }">{ $time }</time> qədər, { $minutes } dəq qalıb
support-for = Platforma əməkdaşı, { $reason }
used-of = { $used } / { $most }
percent-used = { $percent } faiz istifadə olunub
percent-done = { $percent } faiz hazırdır
problem-number = Kömək istəyəndə bu nömrəni deyin: <code>{ $number }</code>
type-to-confirm = Təsdiq üçün <code>{ $text }</code> yazın
add-to = Əlavə et: { $label }
search-in = Axtar: { $label }
remove-condition = Şərti sil: { $text }
support-visit = Dəstək ziyarəti
reason = Səbəb
exit = Çıx
optional = istəyə görə
back = Geri
cancel = Ləğv et
search = Axtar
show = Göstər
first-page = İlk səhifə
next-page = Növbəti səhifə
facts = Məlumatlar
result = Nəticə
keep-it = Saxla
edit = Redaktə et
delete = Sil
add = Əlavə et
save = Yadda saxla
columns = Sütunlar
field = Sahə
change = Dəyiş
pages = Səhifələr
next = Növbəti
skip-to-the-content = Məzmuna keç
details = Ətraflı
menu = Menyu
choose-another-company = Başqa şirkət seç
main = Əsas
sign-out = Çıxış
search-hint = Axtar…
choose = Seçin…
yes = Bəli
no = Xeyr
no-limit = Məhdudiyyət yoxdur
name = Ad
save-the-name = Adı yadda saxla
e-mail-address = E-poçt ünvanı
name-of-the-company = Şirkətin adı
records = Qeydlər
role = Rol
did-add = əlavə etdi:
did-change = dəyişdi:
did-delete = sildi:
agent-program = Proqram
agent-on = { $browser }, { $system }
quarter =
    { $year }, { $quarter }-{ $quarter ->
        [1] ci
        [2] ci
        [3] cü
       *[other] cü
    } rüb
account = Hesab
nav-platform = Platforma
nav-shared = Ümumi məlumatlar
overview = İcmal
dashboard = İcmal lövhəsi
servers = Serverlər
audit-log = Audit jurnalı
data = Məlumat
files = Fayllar
records-count = { $count } qeyd
amount-of = { $done } / { $total }
language = Dil
language-of-browser = Brauzerdəki kimi
time-zone = Saat qurşağı
language-and-time-zone = Dil və saat qurşağı
done-locale = Dil və saat qurşağı yadda saxlandı.
