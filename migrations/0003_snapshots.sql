CREATE TABLE `snapshots` (
	`generation` integer PRIMARY KEY NOT NULL,
	`content` text NOT NULL
);
