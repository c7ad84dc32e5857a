### MedAdmin in Azerbaijani. A text that is missing is shown as the app's own label.

## Models

model-appointments = Qəbullar
model-cities = Şəhərlər
model-clinics = Klinikalar
model-doctors = Həkimlər
model-hospitals = Xəstəxanalar
model-patients = Pasiyentlər
model-payments = Ödənişlər
model-regions = Regionlar
model-reports = Hesabatlar
model-sales = Satışlar
model-specialisations = İxtisaslar

## Fields

field-appointments-patient = Pasiyent
field-appointments-doctor = Həkim
field-appointments-starts_at = Başlama vaxtı
field-appointments-minutes = Dəqiqə
field-appointments-status = Vəziyyət
field-appointments-reason = Səbəb
field-appointments-notes = Qeydlər
field-appointments-custom = Öz sahələri

field-cities-name = Ad
field-cities-region = Region
field-cities-postal_code = Poçt indeksi

field-clinics-name = Ad
field-clinics-city = Şəhər
field-clinics-address = Ünvan
field-clinics-phone = Telefon
field-clinics-email = E-poçt
field-clinics-active = Fəaldır

field-doctors-first_name = Ad
field-doctors-last_name = Soyad
field-doctors-licence_number = Lisenziya nömrəsi
field-doctors-specialisation = İxtisas
field-doctors-region = Region
field-doctors-city = Şəhər
field-doctors-clinic = Klinika
field-doctors-hospital = Xəstəxana
field-doctors-email = E-poçt
field-doctors-phone = Telefon
field-doctors-hired_on = İşə qəbul tarixi
field-doctors-active = İşləyir

field-hospitals-name = Ad
field-hospitals-city = Şəhər
field-hospitals-address = Ünvan
field-hospitals-phone = Telefon
field-hospitals-beds = Çarpayı sayı
field-hospitals-active = Fəaldır

field-patients-first_name = Ad
field-patients-last_name = Soyad
field-patients-born_on = Doğum tarixi
field-patients-gender = Cins
field-patients-insurance_number = Sığorta nömrəsi
field-patients-blood_type = Qan qrupu
field-patients-city = Şəhər
field-patients-address = Ünvan
field-patients-phone = Telefon
field-patients-email = E-poçt
field-patients-doctor = Həkim
field-patients-notes = Qeydlər

field-payments-reference = İstinad nömrəsi
field-payments-patient = Pasiyent
field-payments-appointment = Qəbul
field-payments-amount = Məbləğ
field-payments-method = Ödəniş üsulu
field-payments-status = Vəziyyət
field-payments-paid_at = Ödənilib

field-regions-name = Ad
field-regions-code = Kod

field-reports-title = Başlıq
field-reports-kind = Növ
field-reports-from_date = Başlanğıc
field-reports-to_date = Son
field-reports-author = Müəllif
field-reports-summary = Xülasə
field-reports-figures = Rəqəmlər
field-reports-document = Sənəd

field-sales-item = Məhsul
field-sales-category = Kateqoriya
field-sales-quantity = Say
field-sales-unit_price = Vahidin qiyməti
field-sales-total = Cəmi
field-sales-patient = Pasiyent
field-sales-sold_at = Satış vaxtı

field-specialisations-name = Ad
field-specialisations-code = Kod

## Choices

choice-appointments-status-scheduled = Planlaşdırılıb
choice-appointments-status-confirmed = Təsdiqlənib
choice-appointments-status-completed = Başa çatıb
choice-appointments-status-cancelled = Ləğv edilib
choice-appointments-status-missed = Gəlməyib

choice-patients-gender-female = Qadın
choice-patients-gender-male = Kişi
choice-patients-gender-other = Digər

choice-payments-method-cash = Nağd
choice-payments-method-card = Kart
choice-payments-method-transfer = Köçürmə
choice-payments-method-insurance = Sığorta
choice-payments-status-pending = Gözləyir
choice-payments-status-paid = Ödənilib
choice-payments-status-refunded = Geri qaytarılıb

choice-reports-kind-financial = Maliyyə
choice-reports-kind-medical = Tibbi
choice-reports-kind-operational = Əməliyyat

choice-sales-category-medicine = Dərman
choice-sales-category-device = Cihaz
choice-sales-category-service = Xidmət
choice-sales-category-other = Digər

## Roles

role-owner = Sahib
role-admin = İnzibatçı
role-member = Üzv
role-viewer = Müşahidəçi

## Plans

plan-starter = Başlanğıc
plan-clinic = Klinika
plan-hospital = Xəstəxana
