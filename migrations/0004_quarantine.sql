CREATE TABLE `quarantine` (
	`source` text NOT NULL,
	`id` text NOT NULL,
	`row_count` integer NOT NULL,
	`door_time` integer NOT NULL,
	`reason` text NOT NULL,
	`released_time` integer,
	PRIMARY KEY(`source`, `id`)
);
