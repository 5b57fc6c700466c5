"""Templates about candidates in hiring: how often they apply, how long they stay, what they learn and do.

Step of the path: data for `fill.py`. A candidate is a profile, and what is known of the career is events.
"""

from __future__ import annotations

from ethogram.segment.templates.template import Template, days, text, whole

_JOBS = whole("jobs", 3, "how many jobs it takes to see a pattern", "jobs", low=2)

HIRING: tuple[Template, ...] = (
    Template(
        "frequent-applicants",
        "Apply often",
        "Sent many applications lately.",
        "hiring",
        "count({application} in last {days} days) >= {applications}",
        (whole("applications", 5, "how many applications", "applications"), days(90)),
        ("candidate", "application"),
    ),
    Template(
        "selective-applicants",
        "Apply selectively",
        "Sent few applications lately, but some.",
        "hiring",
        "count({application} in last {days} days) between 1 and {applications}",
        (whole("applications", 2, "how many applications at most", "applications"), days(90)),
        ("candidate", "application"),
    ),
    Template(
        "applied-not-interviewed",
        "Applied, not interviewed",
        "Wait for an interview since their application.",
        "hiring",
        "did({application} before {days} days ago) and not sequence({application}, {interview})",
        (days(14, "how long they have waited"),),
        ("candidate", "application", "interview"),
    ),
    Template(
        "short-tenure",
        "Short tenures",
        "Change jobs quickly, on average.",
        "hiring",
        "count({job_started}) >= {jobs} and gap({job_started}) < {days} days",
        (_JOBS, days(540, "how short the average stay is")),
        ("candidate", "tenure"),
    ),
    Template(
        "long-tenure",
        "Long tenures",
        "Stay in a job for long, on average.",
        "hiring",
        "count({job_started}) >= {jobs} and gap({job_started}) >= {days} days",
        (_JOBS, days(1095, "how long the average stay is")),
        ("candidate", "tenure"),
    ),
    Template(
        "settled-in-job",
        "Due for a change",
        "Began their present job long ago.",
        "hiring",
        "last({job_started}) before {days} days ago",
        (days(1095, "how long ago"),),
        ("candidate", "tenure"),
    ),
    Template(
        "skill-growth",
        "Skills grow",
        "Gained several different skills lately.",
        "hiring",
        "distinct({skill.skill} in last {days} days) >= {skills}",
        (whole("skills", 3, "how many different skills", "skills"), days(365)),
        ("candidate", "skill"),
    ),
    Template(
        "skill-growth-rising",
        "Skills grow faster",
        "Gained more different skills lately than in the same time before.",
        "hiring",
        "distinct({skill.skill} in last {days} days) > distinct({skill.skill} in {days} days before last {days} days)",
        (days(365, "how long each of the two times is"),),
        ("candidate", "skill", "trend"),
    ),
    Template(
        "project-type",
        "Projects of a type",
        "Mostly did projects of one type.",
        "hiring",
        "favorite({project.type}) = {kind} and count({project} where {project.type} = {kind}) >= {projects}",
        (
            text("kind", None, "the type of project, as the events name it"),
            whole("projects", 2, "how many such projects", "projects"),
        ),
        ("candidate", "project"),
    ),
    Template(
        "project-variety",
        "Projects of many types",
        "Did projects of several types.",
        "hiring",
        "distinct({project.type}) >= {types}",
        (whole("types", 3, "how many different types", "types"),),
        ("candidate", "project"),
    ),
)
