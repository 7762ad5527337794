CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE job (
    seq INTEGER NOT NULL,
    uid BLOB NOT NULL,
    label TEXT,
    client INTEGER NOT NULL,
    reply TEXT NOT NULL,
    spec INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    status SMALLINT NOT NULL,
    priority INTEGER NOT NULL,
    attempt INTEGER DEFAULT '0' NOT NULL,
    worker INTEGER,
    created DOUBLE NOT NULL,
    due DOUBLE,
    deadline DOUBLE,
    deadline_code SMALLINT,
    started DOUBLE,
    finished DOUBLE,
    code INTEGER,
    cancel_asked SMALLINT DEFAULT '0' NOT NULL, waits INTEGER DEFAULT '0' NOT NULL, children SMALLINT DEFAULT '0' NOT NULL, batch INTEGER, results SMALLINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (seq)
);
CREATE UNIQUE INDEX job_uid ON job (uid);
CREATE INDEX job_label ON job (label, client, created) WHERE label IS NOT NULL;
CREATE INDEX job_pending ON job (lane, priority DESC, seq) WHERE status = 3;
CREATE INDEX job_scheduled ON job (due) WHERE status = 1;
CREATE INDEX job_running ON job (seq) WHERE status = 4;
CREATE TABLE payload (
    seq INTEGER NOT NULL,
    arguments BLOB NOT NULL,
    units BLOB,
    PRIMARY KEY (seq)
);
CREATE TABLE result (
    seq INTEGER NOT NULL,
    outcome BLOB NOT NULL,
    PRIMARY KEY (seq)
);
CREATE TABLE outbox (
    seq INTEGER NOT NULL,
    PRIMARY KEY (seq)
);
CREATE TABLE attempt (
    id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    number INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    started DOUBLE,
    finished DOUBLE NOT NULL,
    outcome BLOB NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(seq) REFERENCES job (seq) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX attempt_job ON attempt (seq);
CREATE TABLE client (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (name)
);
CREATE TABLE lane (
    id INTEGER NOT NULL,
    queue TEXT NOT NULL,
    execution TEXT NOT NULL,
    "key" TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (queue, execution, "key")
);
CREATE TABLE spec (
    id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (hash)
);
CREATE INDEX spec_name ON spec (name);
CREATE TABLE unit (
    id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (hash)
);
CREATE TABLE counter (
    lane INTEGER NOT NULL,
    status SMALLINT NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (lane, status)
)
 WITHOUT ROWID;
CREATE TABLE note (
    "key" TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY ("key")
)
 WITHOUT ROWID;
CREATE INDEX job_blocked ON job (seq) WHERE status = 2;
CREATE INDEX job_batch ON job (batch, seq) WHERE batch IS NOT NULL;
CREATE INDEX job_deadline ON job (deadline) WHERE deadline IS NOT NULL AND attempt = 0 AND status IN (1, 2, 3);
CREATE TABLE dependency (
    parent INTEGER NOT NULL,
    child INTEGER NOT NULL,
    on_failure SMALLINT NOT NULL,
    result SMALLINT NOT NULL,
    PRIMARY KEY (parent, child)
)
 WITHOUT ROWID;
CREATE INDEX dependency_child ON dependency (child);
CREATE TABLE batch (
    id INTEGER NOT NULL,
    uid BLOB NOT NULL,
    client INTEGER NOT NULL,
    name TEXT NOT NULL,
    workflow SMALLINT NOT NULL,
    created DOUBLE NOT NULL,
    state SMALLINT DEFAULT '0' NOT NULL,
    expected INTEGER DEFAULT '0' NOT NULL,
    callback BLOB,
    PRIMARY KEY (id),
    UNIQUE (uid)
);
CREATE INDEX batch_name ON batch (name, client);
CREATE INDEX batch_callback ON batch (callback) WHERE callback IS NOT NULL;
CREATE TABLE batch_counter (
    batch INTEGER NOT NULL,
    status SMALLINT NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (batch, status)
)
 WITHOUT ROWID;
CREATE TABLE unique_key (
    seq INTEGER NOT NULL,
    "key" BLOB NOT NULL,
    until DOUBLE,
    states INTEGER NOT NULL,
    holds SMALLINT NOT NULL,
    PRIMARY KEY (seq)
);
CREATE UNIQUE INDEX unique_key_holder ON unique_key ("key") WHERE holds = 1;
CREATE INDEX unique_key_until ON unique_key (until) WHERE until IS NOT NULL;
CREATE TABLE joined (
    seq INTEGER NOT NULL,
    first BLOB NOT NULL,
    PRIMARY KEY (seq)
);
CREATE INDEX joined_first ON joined (first, seq);
CREATE TABLE limit_rule (
    name TEXT NOT NULL,
    concurrency INTEGER,
    rate INTEGER,
    seconds DOUBLE NOT NULL,
    PRIMARY KEY (name)
)
 WITHOUT ROWID;
CREATE TABLE rate (
    "key" TEXT NOT NULL,
    next DOUBLE NOT NULL,
    PRIMARY KEY ("key")
)
 WITHOUT ROWID;
CREATE INDEX rate_next ON rate (next);
CREATE INDEX job_ended ON job (status, finished, lane) WHERE status > 4;
CREATE TABLE queue (
    name TEXT NOT NULL,
    paused DOUBLE,
    PRIMARY KEY (name)
)
 WITHOUT ROWID;
CREATE TABLE progress (
    seq INTEGER NOT NULL,
    at DOUBLE NOT NULL,
    done DOUBLE,
    total DOUBLE,
    note TEXT DEFAULT '' NOT NULL,
    checkpoint BLOB,
    units BLOB,
    PRIMARY KEY (seq)
);
CREATE TABLE schedule (
    id INTEGER NOT NULL,
    uid BLOB NOT NULL,
    client INTEGER NOT NULL,
    name TEXT NOT NULL,
    state SMALLINT NOT NULL,
    made DOUBLE NOT NULL,
    since DOUBLE NOT NULL,
    version INTEGER NOT NULL,
    next DOUBLE,
    last BLOB,
    fires INTEGER DEFAULT '0' NOT NULL,
    consumed BLOB,
    trouble TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (uid)
);
CREATE UNIQUE INDEX schedule_name ON schedule (name, client) WHERE state < 4;
CREATE INDEX schedule_deleted ON schedule (since) WHERE state = 4;
CREATE INDEX schedule_next ON schedule (next) WHERE state = 1 AND next IS NOT NULL;
CREATE TABLE schedule_version (
    schedule INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at DOUBLE NOT NULL,
    rule TEXT NOT NULL,
    zone TEXT NOT NULL,
    policy BLOB NOT NULL,
    task TEXT NOT NULL,
    queue TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (schedule, number)
);
CREATE TABLE schedule_change (
    id INTEGER NOT NULL,
    schedule INTEGER NOT NULL,
    at DOUBLE NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX schedule_change_of ON schedule_change (schedule, id);
CREATE TABLE fire (
    schedule INTEGER NOT NULL,
    instant DOUBLE NOT NULL,
    at DOUBLE NOT NULL,
    why TEXT NOT NULL,
    job BLOB,
    unfinished SMALLINT NOT NULL,
    PRIMARY KEY (schedule, instant)
)
 WITHOUT ROWID;
CREATE INDEX fire_at ON fire (at);
CREATE INDEX fire_unfinished ON fire (schedule, instant) WHERE unfinished = 1;
CREATE TABLE listener (
    task TEXT NOT NULL,
    schedule INTEGER NOT NULL,
    heard INTEGER NOT NULL,
    PRIMARY KEY (task, schedule)
)
 WITHOUT ROWID;
CREATE INDEX listener_schedule ON listener (schedule);
CREATE TABLE happening (
    task TEXT NOT NULL,
    action SMALLINT NOT NULL,
    number INTEGER NOT NULL,
    at DOUBLE NOT NULL,
    PRIMARY KEY (task, action, number)
)
 WITHOUT ROWID;
CREATE TABLE about (
    seq INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (seq)
);
