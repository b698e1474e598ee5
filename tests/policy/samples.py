"""A small sound policy, whose lines the tests of errors count."""

from __future__ import annotations

CHANNELS = """\
locale: en
channels:
  push: {form: push, surface: app, quiet: {open: "09:00-20:00"}, caps: [{max: 1, per: day}], expires: 2h}
  sms: {form: sms, surface: phone, quiet: none, caps: [{max: 1, rolling: 7d}], expires: 2h}
  email: {form: email, surface: mailbox, quiet: none, caps: [{max: 2, rolling: 7d}], expires: 2d}
  in_app: {form: inbox, surface: app, quiet: none, caps: [{max: 2, per: day}], expires: 7d}
  web: {form: on_site, surface: site, quiet: none, caps: [{max: 2, per: day}], expires: 30m}
  in_store: {form: staff, surface: store, quiet: none, caps: [{max: 1, per: visit}], expires: 15m}
overall: {caps: [{max: 2, per: day}], gap_min: 1h, priority_min: 10}
controls:
  why: "https://shop.example/why/{nudge_id}"
  mute: "https://shop.example/mute/{nudge_id}"
  unsubscribe: "https://shop.example/stop/{nudge_id}"
"""

CATEGORIES = """\
default: {sensitivity: intimate}
categories:
  coats: {match: ["coats*"], sensitivity: none, repurchase: 180d}
  shoes: {match: ["shoes*"], sensitivity: none}
  pregnancy: {match: ["maternity*"], sensitivity: special, consent: category/pregnancy}
"""

REASONS = """\
en:
  viewed: You looked at it.
  cart: You put it in your basket.
  wishlist: You put it on your wish list.
  purchased: You bought it.
  declared: You told us.
  asked: You asked us.
  visiting: You are in our store.
  opted_in: You agreed.
  labels: {why: "Why?", mute: Pause, unsubscribe: Stop}
"""

GERMAN_REASONS = """\
de:
  viewed: Sie haben es angesehen.
  labels: {why: "Warum?", mute: Pause, unsubscribe: Abmelden}
"""

CAMPAIGN = """\
campaign: look
helps: You find it again.
purpose: marketing
priority: 40
trigger: {event: product.viewed}
when:
  all:
    - {count: {event: product.viewed, same: item, within: 24h, min: 3}}
    - {not: {cart.has: {same: item}}}
channels: [push, in_app]
category: from_item
facts: {item: item.name}
because: [viewed]
caps: [{max: 1, rolling: 7d}]
content:
  push: {say: {title: Hello, body: "{{ item }} is here."}, soft: {title: Hello, body: It is here.}}
  in_app:
    say: {title: Hello, body: "{{ item }} is here.", action: /seen}
    soft: {title: Hello, body: It is here., action: /seen}
examples:
  - {name: yes, consents: [push], given: [{at: 0m, view: c-1}], expect: [{at: 0m, channel: push, rung: send}]}
  - {name: no, consents: [], given: [{at: 0m, view: c-1}], expect: []}
"""

FILES = {
    "channels.yaml": CHANNELS,
    "categories.yaml": CATEGORIES,
    "reasons.yaml": REASONS,
    "campaigns/look.yaml": CAMPAIGN,
}


def changed(file: str, old: str, new: str) -> dict[str, str]:
    """Return the sample's files with one text of one file replaced; the text must stand there."""
    assert old in FILES[file], f"{old!r} is not in {file}"
    return {**FILES, file: FILES[file].replace(old, new, 1)}


def with_when(when: str) -> dict[str, str]:
    """Return the sample's files with another condition, in line 6 of the campaign."""
    begin, end = CAMPAIGN.index("when:"), CAMPAIGN.index("channels:")
    return {**FILES, "campaigns/look.yaml": f"{CAMPAIGN[:begin]}when: {when}\n{CAMPAIGN[end:]}"}
