"""The roles that templates speak of (a purchase, its amount, a birthday), with the usual names of each.

Step of the path: none; this is data for guessing a vocabulary and for explaining templates. It reads and writes
nothing, and it does not decide anything: `guess.py` compares these spellings with what a workspace received.

A role's key is a plain word for an event or a trait (`purchase`, `birthday`) and two words with a dot for a property of
an event (`purchase.amount`) or a trait of the account (`account.plan`). Spellings are in order of preference and
are compared without regard to case, blanks and punctuation, so `order_completed` stands for `Order Completed` too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RoleKind(StrEnum):
    """What fills a role."""

    EVENT = "event"
    PROPERTY = "property"
    TRAIT = "trait"
    ACCOUNT_TRAIT = "account trait"


@dataclass(frozen=True, slots=True)
class Role:
    """Something that a template speaks of, to be filled by a name of the workspace's own."""

    key: str
    kind: RoleKind
    title: str
    spellings: tuple[str, ...]
    numeric: bool = False  # only a property that holds numbers can fill it

    @property
    def event(self) -> str:
        """The event role that a property role belongs to; the key itself for others."""
        return self.key.split(".")[0] if self.kind is RoleKind.PROPERTY else self.key


def _event(key: str, title: str, spellings: str) -> Role:
    return Role(key, RoleKind.EVENT, title, tuple(spellings.split()))


def _property(key: str, title: str, spellings: str, *, numeric: bool = False) -> Role:
    return Role(key, RoleKind.PROPERTY, title, tuple(spellings.split()), numeric)


def _trait(key: str, title: str, spellings: str, *, numeric: bool = False) -> Role:
    kind = RoleKind.ACCOUNT_TRAIT if key.startswith("account.") else RoleKind.TRAIT
    return Role(key, kind, title, tuple(spellings.split()), numeric)


_PRODUCT = "product_id sku stock_code item_id product_sku variant_id asin article_id product item product_name name"
_CATEGORY = (
    "category product_category category_name category_code item_category department category_id product_type collection"
    " section genre brand"
)
_CHANNEL = "channel medium source platform utm_medium sales_channel order_channel"
_DEVICE = "device device_type device_category platform os device_group client"

SHOP: tuple[Role, ...] = (
    _event(
        "purchase",
        "something was bought",
        "order_completed purchase order_placed order_paid purchase_completed checkout_completed purchased bought"
        " completed_order placed_order paid_order order transaction transaction_completed payment_succeeded sale"
        " invoice invoice_paid ecommerce_purchase complete_purchase buy",
    ),
    _property(
        "purchase.amount",
        "the money of a purchase",
        "total revenue amount order_total total_amount total_price value order_value purchase_amount grand_total"
        " line_total spend spend_usd sales_value total_usd amount_usd amount_gbp amount_eur revenue_usd payment_value"
        " paid sum subtotal price price_usd unit_price",
        numeric=True,
    ),
    _property("purchase.product", "the product of a purchase", _PRODUCT),
    _property("purchase.category", "the category of what was bought", _CATEGORY),
    _property(
        "purchase.order",
        "the order that a purchase event is a line of; set only where one order is several events",
        "order_id invoice_no transaction_id invoice_id basket_id checkout_id order_number invoice_number order_no"
        " invoice receipt_id order purchase_id",
    ),
    _property(
        "purchase.coupon",
        "the coupon or code of a purchase",
        "coupon coupon_code coupon_id discount_code promo_code voucher voucher_code promotion_id",
    ),
    _property(
        "purchase.discount",
        "the money taken off a purchase",
        "discount discount_amount total_discount coupon_disc discount_value retail_disc savings",
        numeric=True,
    ),
    _property("purchase.channel", "where a purchase was made", _CHANNEL),
    _event(
        "view",
        "a product was looked at",
        "product_viewed view view_item view_product product_view viewed_product item_viewed product_details_viewed"
        " product_detail_viewed pdp_view product_page_viewed product_clicked viewed_item detail_view",
    ),
    _property("view.product", "the product looked at", _PRODUCT),
    _property("view.category", "the category of the product looked at", _CATEGORY),
    _event(
        "search",
        "a search was made",
        "products_searched search searched search_performed product_search search_submitted search_query"
        " view_search_results site_search",
    ),
    _event(
        "add_to_cart",
        "a product was put into the cart",
        "product_added add_to_cart added_to_cart cart_add product_added_to_cart item_added_to_cart add_cart cart"
        " item_added add_item basket_add add_to_basket added_to_basket cart_updated",
    ),
    _event(
        "wishlist",
        "a product was put on a wish list",
        "product_added_to_wishlist add_to_wishlist added_to_wishlist wishlist_add wishlist favorite_added"
        " product_favorited item_saved",
    ),
    _event(
        "checkout",
        "a checkout was begun",
        "checkout_started begin_checkout checkout initiate_checkout started_checkout checkout_begin start_checkout"
        " initiated_checkout checkout_initiated checkout_begun",
    ),
    _event(
        "coupon_use",
        "a coupon was used",
        "coupon_applied coupon_redeemed coupon_used promo_code_applied discount_applied voucher_redeemed redeem_coupon"
        " coupon_redemption apply_coupon promotion_clicked offer_redeemed",
    ),
    _event("review", "a review was written", "product_reviewed review review_submitted review_written rated rating"),
    _property("review.rating", "the stars of a review", "rating stars score review_score rating_value", numeric=True),
    _event(
        "referral",
        "somebody was referred",
        "referral invite_sent referred referral_sent friend_referred refer_a_friend friend_invited invitation_sent"
        " user_invited referral_completed invited_friend referral_made",
    ),
    _event(
        "share",
        "something was shared",
        "product_shared share shared cart_shared content_shared shared_content post_shared social_share",
    ),
    _event(
        "loyalty_enrolled",
        "the loyalty programme was joined",
        "loyalty_enrolled loyalty_joined loyalty_signup joined_loyalty loyalty_program_joined loyalty_enrolment"
        " loyalty_enrollment rewards_joined rewards_enrolled joined_rewards loyalty_member_joined",
    ),
)

PRODUCT: tuple[Role, ...] = (
    _event("activity", "any sign of somebody being active", ""),
    _event(
        "session",
        "a visit began or ended",
        "session session_started session_start session_ended session_end visit visited app_opened application_opened"
        " app_open open_app page_viewed page_view pageview page site_visit home_viewed",
    ),
    _property(
        "session.length",
        "the seconds that a visit lasted",
        "duration_seconds session_duration_seconds session_length_seconds seconds duration_s duration session_duration"
        " session_length length length_seconds engagement_time",
        numeric=True,
    ),
    _property("session.device", "the device of a visit", _DEVICE),
    _event("login", "somebody logged in", "signed_in login logged_in sign_in log_in user_login session_login"),
    _event(
        "signup",
        "an account was made",
        "signed_up signup sign_up registered account_created user_registered user_created registration register"
        " create_account created_account registration_completed complete_registration user_signed_up joined",
    ),
    _event(
        "onboarding_started",
        "the onboarding was begun",
        "onboarding_started started_onboarding onboarding_begun tutorial_begin tutorial_started setup_started"
        " onboarding_start begin_onboarding",
    ),
    _event(
        "onboarding_step",
        "a step of the onboarding was done",
        "onboarding_step_completed onboarding_step completed_onboarding_step tutorial_step setup_step_completed"
        " onboarding_progress",
    ),
    _event(
        "onboarding_completed",
        "the onboarding was finished",
        "onboarding_completed completed_onboarding onboarding_finished tutorial_complete tutorial_completed"
        " setup_completed onboarding_complete activated activation",
    ),
    _event(
        "trial_started",
        "a free trial began",
        "trial_started started_trial trial_start start_trial free_trial_started trial_begin trial_begun trial",
    ),
    _event("trial_ended", "a free trial ended", "trial_ended trial_end trial_expired free_trial_ended trial_finished"),
    _event(
        "subscription",
        "a paid subscription began",
        "subscription_started subscription_created subscribed subscribe subscription subscription_purchased"
        " started_subscription upgraded account_upgraded plan_upgraded trial_converted subscription_activated",
    ),
    _event(
        "subscription_ended",
        "a paid subscription ended or was cancelled",
        "subscription_cancelled subscription_canceled subscription_ended cancelled_subscription churned"
        " canceled_subscription subscription_expired subscription_churned",
    ),
    _event(
        "pricing_view",
        "prices or plans were looked at",
        "pricing_viewed viewed_pricing pricing_page_viewed pricing_page_view plans_viewed pricing view_pricing"
        " upgrade_page_viewed paywall_viewed",
    ),
    _event(
        "limit_reached",
        "a limit of the plan was hit",
        "limit_reached plan_limit_reached usage_limit_reached quota_reached limit_hit quota_exceeded upgrade_prompted",
    ),
    _event(
        "feature_use",
        "a feature was used",
        "feature_used used_feature feature_use feature use_feature action_performed feature_clicked feature_usage",
    ),
    _property(
        "feature_use.feature", "which feature was used", "feature feature_name name feature_id action", numeric=False
    ),
    _event(
        "content_view",
        "a piece of content was read, watched or heard",
        "content_viewed article_viewed content_view view_content article_read article_view article_click"
        " video_playback_started video_started video_watched video_content_started song_played content_consumed"
        " post_viewed news_click read_article click",
    ),
    _property("content_view.category", "the category of the content", "category topic genre section content_category"),
    _event(
        "support_request",
        "help was asked for",
        "support_ticket_created ticket_created support_request support_requested ticket_opened case_created"
        " support_contacted help_requested chat_started contacted_support complaint complaint_made",
    ),
    _event("error", "an error was met", "error_seen error error_shown error_occurred application_crashed crash"),
)

MESSAGES: tuple[Role, ...] = (
    _event("email_sent", "an e-mail was sent", "email_delivered email_sent sent_email send_email delivered_email"),
    _event("email_opened", "an e-mail was opened", "email_opened opened_email email_open email_read"),
    _event(
        "email_clicked",
        "a link in an e-mail was clicked",
        "email_link_clicked email_clicked clicked_email email_click click_email",
    ),
    _event(
        "message_opened",
        "a message of any channel was opened",
        "message_opened opened_message message_clicked message_open notification_opened message_read",
    ),
    _property("message_opened.channel", "the channel of a message", "channel medium message_channel type"),
)

OPINION: tuple[Role, ...] = (
    _event(
        "nps",
        "the question of recommending was answered",
        "nps_answered nps_submitted nps nps_response nps_survey_answered nps_survey_submitted nps_score_given",
    ),
    _property("nps.score", "the answer, 0 to 10", "score nps_score rating answer value nps response", numeric=True),
    _event(
        "csat",
        "a question of satisfaction was answered",
        "csat_answered csat_submitted csat csat_response satisfaction_answered csat_survey_answered"
        " satisfaction_survey_submitted",
    ),
    _property("csat.score", "the answer, 1 to 5", "score csat_score rating answer value csat response", numeric=True),
)

HIRING: tuple[Role, ...] = (
    _event(
        "application",
        "a candidate applied",
        "job_applied application_submitted applied application job_application application_received applied_to_job"
        " candidate_applied",
    ),
    _event(
        "interview",
        "a candidate was interviewed",
        "interview_completed interview interviewed interview_held interview_scheduled interview_attended",
    ),
    _event(
        "job_started",
        "a candidate began a job",
        "job_started position_started employment_started started_job job_change new_job hired position_changed",
    ),
    _event(
        "skill",
        "a candidate gained or proved a skill",
        "skill_added skill_gained skill skill_acquired certification_earned skill_endorsed course_completed"
        " certificate_earned skill_certified",
    ),
    _property("skill.skill", "which skill", "skill skill_name name certification certificate course"),
    _event(
        "project",
        "a candidate did a project",
        "project_completed project project_added project_started project_finished assignment_completed",
    ),
    _property("project.type", "the type of a project", "type project_type category kind domain"),
)

TRAITS: tuple[Role, ...] = (
    _trait("email", "the e-mail address", "email e_mail email_address mail"),
    _trait("birthday", "the date of birth", "birthday date_of_birth birth_date birthdate dob birth_day"),
    _trait(
        "signup_date",
        "the date of joining",
        "signup_date created_at signed_up_at registered_at registration_date createdat joined_at join_date"
        " created_date member_since customer_since created sign_up_date date_joined",
    ),
    _trait(
        "country", "the country", "country country_code country_name billing_country address.country region_country"
    ),
    _trait("location", "where somebody is, as latitude and longitude", "location coordinates geo geolocation position"),
    _trait("plan", "the plan or tier paid for", "plan plan_name subscription_plan tier subscription_tier product_plan"),
    _trait("device", "the usual device", _DEVICE),
    _trait("channel", "the preferred channel", "preferred_channel channel contact_channel favorite_channel"),
    _trait(
        "loyalty_member",
        "the loyalty level or number",
        "loyalty_tier loyalty_member loyalty_level loyalty_id loyalty_status rewards_tier"
        " loyalty_card member_tier loyalty_number",
    ),
    _trait("account.plan", "the plan of the account", "plan plan_name subscription_plan tier"),
    _trait(
        "account.seats", "how many seats the account pays for", "seats seat_count licences licenses users", numeric=True
    ),
)

ROLES: dict[str, Role] = {role.key: role for role in SHOP + PRODUCT + MESSAGES + OPINION + HIRING + TRAITS}
