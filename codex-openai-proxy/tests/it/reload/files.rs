//! Where files are, how they are written, and what is told of it.

use super::{A_WHILE, Served, file_of, provider, replace};
use crate::harness::{
    Homes,
    process::{Program, command},
    run,
};
use std::{fs, io::Write, process::Command};

#[test]
fn a_file_that_comes_changes_and_goes_is_followed() {
    run(async {
        let (near, other) = (provider("near").await, provider("other").await);
        let homes = Homes::new();
        let served = Served::of(homes, &["serve"]).await;
        served.finds_nobody_to_ask().await;
        served.replace(&file_of(&near));
        served.tells("config_reloaded", 1).await;
        assert_eq!(served.text().await, "near");
        // Written to where it is, and not replaced.
        fs::write(served.file(), file_of(&other)).unwrap();
        served.tells("config_reloaded", 2).await;
        assert_eq!(served.text().await, "other");
        fs::remove_file(served.file()).unwrap();
        let told = served.tells("config_reloaded", 3).await;
        assert!(told[2].contains("upstreams.near"), "{}", told[2]);
        served.finds_nobody_to_ask().await;
    });
}

#[test]
fn a_file_that_is_only_touched_or_changes_nothing_is_no_news() {
    run(async {
        let near = provider("near").await;
        let served = Served::with(&file_of(&near)).await;
        served.replace(&file_of(&near));
        tokio::time::sleep(A_WHILE).await;
        served.replace(&format!("# a comment\n{}", file_of(&near)));
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(served.told(), [""; 0]);
        assert_eq!(served.text().await, "near");
        // And it was looked at all the time.
        let other = provider("other").await;
        served.replace(&file_of(&other));
        served.tells("config_reloaded", 1).await;
        assert_eq!(served.text().await, "other");
        assert_eq!(served.told().len(), 1);
    });
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_swapped_behind_a_link_is_seen() {
    use std::os::unix::fs::symlink;
    run(async {
        // As Kubernetes mounts a ConfigMap.
        let (near, other) = (provider("near").await, provider("other").await);
        let homes = Homes::new();
        let mount = homes.path("mount");
        for (version, provider) in [("..1", &near), ("..2", &other)] {
            fs::create_dir_all(mount.join(version)).unwrap();
            fs::write(mount.join(version).join("config.toml"), file_of(provider)).unwrap();
        }
        symlink("..1", mount.join("..data")).unwrap();
        let file = mount.join("config.toml");
        symlink("..data/config.toml", &file).unwrap();
        let served = Served::of(homes, &["--config", file.to_str().unwrap()]).await;
        assert_eq!(served.text().await, "near");
        symlink("..2", mount.join("..new")).unwrap();
        fs::rename(mount.join("..new"), mount.join("..data")).unwrap();
        served.tells("config_reloaded", 1).await;
        assert_eq!(served.text().await, "other");
    });
}

#[cfg(unix)]
#[test]
fn a_link_to_a_file_elsewhere_is_followed_wherever_it_leads() {
    use std::os::unix::fs::symlink;
    run(async {
        let [one, two, three] = ["one", "two", "three"];
        let providers = [
            provider(one).await,
            provider(two).await,
            provider(three).await,
        ];
        let homes = Homes::new();
        let (first, second) = (homes.path("first.toml"), homes.path("x/second.toml"));
        fs::create_dir_all(homes.path("x")).unwrap();
        fs::create_dir_all(homes.state()).unwrap();
        fs::write(&first, file_of(&providers[0])).unwrap();
        fs::write(&second, file_of(&providers[1])).unwrap();
        let link = homes.state().join("config.toml");
        symlink(&first, &link).unwrap();
        let served = Served::of(homes, &["serve"]).await;
        assert_eq!(served.text().await, one);
        fs::remove_file(&link).unwrap();
        symlink(&second, &link).unwrap();
        served.tells("config_reloaded", 1).await;
        assert_eq!(served.text().await, two);
        replace(&second, &file_of(&providers[2]));
        served.tells("config_reloaded", 2).await;
        assert_eq!(served.text().await, three);
    });
}

#[cfg(unix)]
#[test]
fn a_signal_reads_it_again_and_ends_nothing() {
    run(async {
        let near = provider("near").await;
        let served = Served::with(&file_of(&near)).await;
        served.program.signal("HUP");
        served.tells("config_unchanged", 1).await;
        served.replace(&format!("{}timeout_seconds = 9\n", file_of(&near)));
        let told = served.tells("config_reloaded", 1).await;
        let expected = "upstreams.near.timeout_seconds: 600 → 9";
        assert!(told[0].contains(expected), "{}", told[0]);
        // From here on, no change of a file tells anything that was not told before.
        served.program.signal("HUP");
        served.tells("config_unchanged", 2).await;
        served.replace("[server]\nbroken = true\n");
        served.tells("config_not_reloaded", 1).await;
        served.program.signal("HUP");
        served.tells("config_not_reloaded", 2).await;
        assert_eq!(served.text().await, "near");
        assert_eq!(served.tells("config_reloaded", 1).await.len(), 1);
    });
}

#[cfg(unix)]
#[test]
fn a_signal_that_comes_while_the_program_begins_does_not_end_it() {
    run(async {
        let near = provider("near").await;
        let homes = Homes::new();
        // It has begun, and waits here to be told what it is to do.
        let file = homes.path("config.toml");
        let made = Command::new("mkfifo").arg(&file).status().unwrap();
        assert!(made.success());
        let arguments = ["--config", file.to_str().unwrap()];
        let mut program = Program::start(command(&arguments, &homes));
        let opened = file.clone();
        let pipe = tokio::task::spawn_blocking(move || {
            fs::OpenOptions::new().write(true).open(opened).unwrap()
        });
        let mut pipe = pipe.await.unwrap();
        program.signal("HUP");
        // From now on it finds a file.
        replace(&file, &file_of(&near));
        pipe.write_all(file_of(&near).as_bytes()).unwrap();
        drop(pipe);
        let client = program.client(&homes).await;
        let served = Served {
            homes,
            program,
            client,
        };
        assert_eq!(served.text().await, "near");
        // It is not forgotten either.
        served.tells("config_unchanged", 1).await;
    });
}

#[test]
fn providers_are_asked_in_the_order_of_the_file_as_it_is_now() {
    run(async {
        let (near, other) = (provider("near").await, provider("other").await);
        let (one, two) = (
            file_of(&near),
            file_of(&other).replace("\"near\"", "\"other\""),
        );
        let served = Served::with(&format!("{one}{two}")).await;
        assert_eq!(served.text().await, "near");
        served.replace(&format!("{two}{one}"));
        let told = served.tells("config_reloaded", 1).await;
        assert!(told[0].contains("in the order other, near"), "{}", told[0]);
        assert_eq!(served.text().await, "other");
    });
}

#[test]
fn a_folder_that_is_made_anew_is_watched_like_the_one_before() {
    run(async {
        let [one, two, three] = ["one", "two", "three"];
        let providers = [
            provider(one).await,
            provider(two).await,
            provider(three).await,
        ];
        let homes = Homes::new();
        let folder = homes.path("folder");
        let file = folder.join("config.toml");
        let make = |text: &str| {
            fs::create_dir(&folder).unwrap();
            fs::write(&file, text).unwrap();
        };
        make(&file_of(&providers[0]));
        let served = Served::of(homes, &["--config", file.to_str().unwrap()]).await;
        assert_eq!(served.text().await, one);
        fs::rename(&folder, folder.with_extension("old")).unwrap();
        make(&file_of(&providers[1]));
        served.tells("upstreams.near.base_url: ", 1).await;
        assert_eq!(served.text().await, two);
        replace(&file, &file_of(&providers[2]));
        served.tells("config_reloaded", 2).await;
        assert_eq!(served.text().await, three);
    });
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_or_to_a_mistake_is_followed_too() {
    use std::os::unix::fs::symlink;
    run(async {
        let (one, two) = (provider("one").await, provider("two").await);
        let homes = Homes::new();
        for (folder, text) in [("a", &*file_of(&one)), ("b", "[server]\nbroken = true\n")] {
            fs::create_dir(homes.path(folder)).unwrap();
            fs::write(homes.path(folder).join("c.toml"), text).unwrap();
        }
        // What is heard of is what happens in the folder behind the link; the link is in another.
        let link = homes.path("link");
        symlink("a", &link).unwrap();
        let file = link.join("c.toml");
        let served = Served::of(homes, &["--config", file.to_str().unwrap()]).await;
        assert_eq!(served.text().await, "one");
        // Its own reading of the file is heard of too, which must not be what makes it look again.
        tokio::time::sleep(A_WHILE).await;
        let new = served.homes.path("new");
        symlink("b", &new).unwrap();
        fs::rename(&new, &link).unwrap();
        served.tells("config_not_reloaded", 1).await;
        assert_eq!(served.text().await, "one");
        fs::write(served.homes.path("b/c.toml"), file_of(&two)).unwrap();
        served.tells("config_reloaded", 1).await;
        assert_eq!(served.text().await, "two");
    });
}
